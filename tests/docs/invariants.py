"""`docs/reference/invariants.md`: each rule that may never break, and the tests that show it, from their marks.

`python -m tests.docs.invariants` writes the page anew; a test compares.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.architecture.source import ROOT, Module, dotted, modules
from tests.architecture.test_invariants import RULES

PAGE: Final = ROOT / "docs/reference/invariants.md"
MORE: Final = {
    "K3": "a key ID never names another key, across restarts and nodes",
    "K5": "what was handed out at an end is not there any more: not in memory, store or log",
    "P2": "P1 holds for a cloned key manager, one that was stopped and goes on, and one whose disk was put back",
    "P3": "a receiver never gives up what its sender may still use; a crash wastes no more than a lease",
    "P4": "a block whose copies differ is used at neither end",
    "R4": "a key is available at one end only when the other has it durably, and that is said only when it is so",
    "R5": "when all is well again, batches, queues and what waits for an acknowledgement drain to nothing",
    "S2": "S1 holds whoever is killed when, and with one key manager that never comes back",
    "S6": "keys of a session go along one route at a time, the newest",
    "C1": "two replicas of control never both act as the leader",
    "C2": "without a control element sessions go on, and new ones are refused soon with an error that says: come again",
    "C3": "a measurement that is too old is not believed when a session is admitted",
    "Q1": "key of a link whose error rate is too high, or that is under attack, is not used",
    "Z3": "certificates and authorities are renewed under load, and no request fails",
    "Z4": "who is on the bus sends and hears its own subjects alone",
    "Z6": "without the key-encryption key nobody reads a store, and a key manager that is sealed tells its state alone",
    "Z7": "an audit record that was changed, taken away or moved is noticed; the audit is durable before the answer",
    "Z8": "no SAE lowers another's share below what it reserved",
    "O2": "a record that cannot be read never prevents a start: it is set aside and told",
    "O3": "the next version goes on from what this one has written, and keeps every rule",
}
"""Rules beside those that the architecture demands a test for; whatever nobody shows is told as open."""

GROUPS: Final = {
    "K": "Keys",
    "P": "Pads",
    "R": "Relay",
    "S": "Sessions",
    "A": "Admission",
    "C": "Control",
    "Q": "Quantum layer",
    "Z": "Security",
    "O": "Operation",
}
MOST_NAMED: Final = 6
"""Tests named for a rule in each file; the rest is counted."""

INTRODUCTION: Final = """# Invariants

What may never break, and the tests that show it. This page is made from the marks and names of the tests
(`@invariant("K1")`, `test_k1_...`) by `python -m tests.docs.invariants`, and a test compares. Checks against the
literature have [a page of their own](papers.md). That a test bears a mark says that it shows something of the rule, not
all of it: read the tests. How faults are injected while the rules are looked at is told in
[Hunt for faults](../howto/hunt-for-faults.md).
"""


def page() -> str:
    """Return the page."""
    rules, shown = RULES | MORE, showing()
    parts = [INTRODUCTION]
    for letter, title in GROUPS.items():
        names = sorted((name for name in rules if name[0] == letter), key=lambda name: int(name[1:]))
        parts.append(f"## {title}\n")
        parts += [_told(name, rules[name], shown.get(name, {})) for name in names]
    missing = [name for name in rules if name[0] in GROUPS and name not in shown]
    told = ", ".join(sorted(missing)) or "none"
    return "\n".join([*parts, f"## Not shown yet\n\nRules that no test carries so far: {told}.\n"])


def showing() -> dict[str, dict[str, list[str]]]:
    """Return for each rule the files and the tests in them that show it."""
    shown: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for module in modules(ROOT / "tests"):
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for name in sorted(set(_rules_of(node))):
                    shown[name][_file(module)].append(node.name)
    return shown


def _rules_of(test: ast.FunctionDef) -> Iterator[str]:
    for each in test.decorator_list:
        if isinstance(each, ast.Call) and dotted(each.func).rpartition(".")[2] == "invariant":
            yield from (str(given.value) for given in each.args if isinstance(given, ast.Constant))
    yield from (name.upper() for name in re.findall(r"(?<=_)[ackopqrsvz]\d{1,2}(?=_|$)", test.name))


def _file(module: Module) -> str:
    return module.name.replace(".", "/") + ".py"


def _told(name: str, statement: str, shown: dict[str, list[str]]) -> str:
    lines = [f"**{name}**: {statement}.\n"]
    for file, tests in sorted(shown.items()):
        rest = f" and {len(tests) - MOST_NAMED} more" if len(tests) > MOST_NAMED else ""
        named = ", ".join(f"`{test.removeprefix('test_')}`" for test in tests[:MOST_NAMED])
        lines.append(f"- `{file}`: {named}{rest}")
    return "\n".join([*lines, ""] if shown else [*lines, "- not shown yet", ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
