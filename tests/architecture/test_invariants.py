"""Each rule that may never break, and each check against the literature, is carried by a test: by mark or by name.

A mark is `@invariant("K1")`, a name is `test_k1_...`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.architecture.source import ROOT, Module, dotted, modules, parse

RULES: Final = {
    "K1": "a key is delivered to at most one master and its slaves",
    "K2": "both ends get bit-identical keys, or neither uses them",
    "K4": "no other SAE gets a key, and its owner can still fetch it afterwards",
    "K6": "a hand-out is durable before the first octet of its answer",
    "K7": "an unclaimed key is wiped at the end of its life at both ends, and the accounts still close",
    "K8": "a request for several keys gets all of them, or none is consumed",
    "K9": "an invalid request consumes nothing",
    "P1": "no pad octet encrypts two plaintexts",
    "P5": "on each link end and direction, what was ingested is what became of it",
    "R1": "a relayed message is accepted only if its tag verifies over header and ciphertext",
    "R2": "a replay, a duplicate or an old epoch has no effect but an identical acknowledgement",
    "R3": "a key manager knows the previous and next hop of a session, and no more of its route",
    "S1": "every session ends terminated, with nothing reserved anywhere",
    "S3": "deletion is idempotent, and a late configuration does not undo it",
    "S4": "every state has a time-out exit and an error exit",
    "S5": "nothing is reserved before both peers registered, and half-open sessions are bounded",
    "A1": "what is reserved on a link direction, hop cost included, is within its capacity at each instant",
    "A2": "a grant exceeds neither the service level nor the user's quota",
    "A3": "tokens taken in any window are within burst + rate x window, whatever the clock does",
    "A4": "nobody starves, and a higher class does not wait for a lower one's load",
    "C4": "forwarding is free of loops, whatever the order of updates",
    "O1": "every prefix of a journal is a legal state, and reading it twice gives the same one",
    "O4": "healthy means able to serve a key, not merely alive",
    "Z1": "no connection without a good certificate of this network reaches a handler",
    "Z2": "who asks is told by the TLS session alone; headers that look like identities are ignored",
    "Z5": "key material is never on the bus, in a log, a trace, a metric, an exception or a repr",
    "Z9": "whatever is sent gets an answer below 500 or a 503, or is cut off, in bounded time and memory",
    "V1": "decoy-state BB84 on the GYS experiment: best intensities, longest distance, rates (Ma et al. 2005)",
    "V3": "gains, error rates and asymptotic rates of the reference table, at 0 and 20 dB",
    "V5": "finite-key decoy-state BB84: the secret lengths of Lim et al. 2014",
    "V8": "measurement-device-independent QKD: the rates of Ma and Razavi's model",
    "V9": "no rate without a repeater is above the PLOB bound",
    "V10": "a rate falls by a tenth of a decade a decibel, that of twin-field QKD by half as much",
    "V11": "BBM92 with a pulsed source: rate and error at 0 and 20 dB",
    "V12": "GG02 with Lodewyck's set: mutual information, Holevo bound, secret fraction",
    "V13": "differential phase shift: the secret fraction at 2.3 % of errors",
    "V14": "entanglement swapping: waiting times, the Werner threshold, the error rate after one swap",
    "V22": "no key where the error rate or the finite size leaves none",
}


def covered(sources: list[Module]) -> set[str]:
    """Give the names of the rules that some test carries."""
    return {name for source in sources for node in ast.walk(source.tree) for name in _carried(node)}


def _carried(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "invariant":
        yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant))
    elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
        yield from (name.upper() for name in re.findall(r"(?<=_)[a-z]\d{1,2}(?=_|$)", node.name.lower()))


CARRIED: Final = covered(modules(ROOT / "tests"))


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_test(rule: str) -> None:
    if rule not in CARRIED:
        pytest.fail(f"no test carries {rule}: {RULES[rule]}", pytrace=False)


def test_names_of_rules_are_found_in_marks_and_names() -> None:
    text = (
        '@invariant("K1")\ndef test_a(): ...\n@pytest.mark.invariant("P1")\ndef test_r2_holds(): ...\ndef k7_x(): ...\n'
    )
    assert covered([parse("tests.test_planted", text)]) == {"K1", "P1", "R2"}
