"""keytwin's own faces under the examinations that it holds of others: every check passed, over one hop and several."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keytwin.operation.conformance import STANDARD, examine
from keytwin.operation.conformance_calls import Papers, Party
from keytwin.operation.conformance_interview import ONE_SAE, Subject
from keytwin.operation.conformance_questions import MOST_KEYS
from keytwin.operation.conformance_stream_course import StreamSubject
from keytwin.operation.conformance_stream_questions import MOST_CHUNKS
from keytwin.operation.conformance_streams import STREAMS_STANDARD, examine_streams
from keytwin.operation.conformance_values import Examination, Outcome
from tests.conformance.running import Network
from tests.conformance.speaking import Sae
from tests.marks import clause


def party(sae: Sae) -> Party:
    files = sae.files
    return Party(sae.name, sae.url, Path(files.trusted), Papers(Path(files.certificate), Path(files.key)))


def examined(network: Network, master: str, slave: str) -> Examination:
    done = examine(Subject(party(network.sae(master)), party(network.sae(slave))))
    told = [(result.title, result.notes) for result in done.results if result.outcome is Outcome.FAIL]
    assert told == []
    assert done.keys_used <= MOST_KEYS
    return done


def speaking(network: Network, name: str, *, binary: bool) -> Party:
    """Return an SAE as it speaks ETSI GS QKD 004, in JSON or in frames."""
    sae = network.sae(name)
    host, port = network.binary(sae)
    return replace(party(sae), url=f"tls://{host}:{port}") if binary else party(sae)


@clause(STREAMS_STANDARD, "6")
@pytest.mark.parametrize(
    ("first", "second", "binary"),
    [
        ("near-a", "near-b", (True, True)),
        ("far-a", "far-b", (False, True)),
    ],
    ids=["frames", "one end in JSON"],
)
def test_key_streams_pass_every_check(line: Network, first: str, second: str, binary: tuple[bool, bool]) -> None:
    ends = speaking(line, first, binary=binary[0]), speaking(line, second, binary=binary[1])
    done = examine_streams(StreamSubject(*ends, speaking(line, "other-b", binary=binary[1])))
    assert [(each.title, each.notes) for each in done.results if each.outcome is not Outcome.PASS] == []
    assert done.keys_used == MOST_CHUNKS


@clause(STANDARD, "Table 2")
@pytest.mark.parametrize("names", [("near-a", "near-b"), ("far-a", "far-b"), ("back-a", "back-b")])
def test_a_face_passes_every_check_of_its_own_examination(line: Network, names: tuple[str, str]) -> None:
    assert examined(line, *names).number(Outcome.SKIP) == 0


@clause(STANDARD, "Table 2")
def test_a_selfpair_passes_what_one_sae_can_ask(selfpair: Network) -> None:
    skipped = {
        note
        for result in examined(selfpair, "probe", "probe").results
        if result.outcome is Outcome.SKIP
        for note in result.notes
    }
    assert skipped == {ONE_SAE, "nothing was answered with 401"}
