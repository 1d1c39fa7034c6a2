"""Examinations of key streams of nobody's: right, they pass; each planted fault is found by the check it is for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from keytwin.operation.conformance_calls import Papers, Party, Reply
from keytwin.operation.conformance_stream_calls import JsonSpeaker
from keytwin.operation.conformance_stream_course import NO_OTHER, NO_SECOND, NO_STREAM, StreamSubject
from keytwin.operation.conformance_stream_interview import stream_interview
from keytwin.operation.conformance_stream_questions import FUNCTIONS, MOST_CHUNKS, PAIRS, STREAMS, S, StreamHeard
from keytwin.operation.conformance_stream_values import Function, Told
from keytwin.operation.conformance_streams import STREAM_CHECKS, STREAMS_STANDARD, examine_streams
from keytwin.operation.conformance_values import Examination, Level, NotAsked, Outcome, judge
from keytwin.vocabulary.errors import Refusal
from tests.fakes.foreign_streams import ForeignStreams, StreamFault, acquainted
from tests.marks import clause

F: Final = StreamFault
FOUND: Final[Mapping[StreamFault, str]] = {
    F.REFUSES_ALL: "OPEN_CONNECT opens a stream",
    F.ZERO_ALONE: "an end whose peer is not there is told 1",
    F.SLOW_OPEN: "OPEN_CONNECT without a KSID is answered at once",
    F.KSID_COUNTED: "each KSID is a UUID of version 4",
    F.KSID_SAME: "no KSID is made twice",
    F.QOS_MISSING: "OPEN_CONNECT returns the whole QoS",
    F.CHUNK_OTHER: "the Key_chunk_size is granted as asked, or refused",
    F.NO_JSON: "metadata in application/json are granted",
    F.JOIN_REFUSED: "the peer joins with the KSID that the first end was given",
    F.FIRST_IS_ALICE: "either end may come first",
    F.KSID_OTHER: "both ends have the same KSID",
    F.QOS_SECOND: "the QoS of the first registration is told to the second",
    F.NO_AGREED: "a KSID agreed before is taken at both ends, in any order",
    F.THIRD_TAKEN: "a KSID that both ends have is in use",
    F.MEET_LIE: "two ends without a KSID meet, or wait each",
    F.OPEN_FOREVER: "OPEN_CONNECT waits no longer than Timeout",
    F.FORGETS: "an end that was told 1 is joined by a peer that comes later",
    F.RATE_PROMISED: "a Min_bps that cannot be met is refused with 7",
    F.SIZE_CUT: "a Key_chunk_size that cannot be had is refused with 7",
    F.TYPE_ANY: "an unknown Metadata_mimetype is refused with 7",
    F.COUNTER_LIE: "a counter-proposal is granted",
    F.THIRD_JOINS: "a third SAE does not take the peer's place",
    F.NOBODY_TAKEN: "a destination that nobody knows is refused with 4",
    F.NOT_MINE_TAKEN: "who is neither source nor destination gets no stream",
    F.EARLY_KEY: "no key is given before both ends are there",
    F.EARLY_TWO: "who asks before its peer is there is told 3, or 6",
    F.NO_INDEX: "an answer with a key has its form",
    F.NEXT_JUMPS: "without an index the next chunk comes",
    F.INDEX_IGNORED: "with an index that chunk comes",
    F.IN_ORDER: "both ends may ask in any order, and ahead",
    F.OPENER_ASKS: "either end may ask first",
    F.OTHER_KEY: "both ends have the same key at an index",
    F.KEY_SHORT: "each chunk has the Key_chunk_size agreed",
    F.SAME_KEY: "no key comes under two indices",
    F.SAME_STREAMS: "no key comes in two streams",
    F.AGAIN_GIVEN: "a chunk comes once to each end",
    F.FAR_GIVEN: "a chunk that cannot be there is refused with 2 or 6",
    F.GET_FOREVER: "GET_KEY waits no longer than Timeout",
    F.TTL_IGNORED: "no chunk comes after its TTL",
    F.UNKNOWN_KEY: "an unknown KSID brings no key",
    F.UNKNOWN_FOUR: "an unknown KSID is refused with 3",
    F.OTHER_GETS: "a third SAE gets no key of the stream",
    F.OTHER_CLOSES: "a third SAE does not close the stream",
    F.NO_LOCK: "nobody gets a key without a client certificate",
    F.AGE_BY_CLOCK: "the metadata has age and hops",
    F.SIZE_TOLD_WRONG: "the metadata is as large as is told",
    F.ROOM_IGNORED: "too little room is told with 8 and the size needed",
    F.ROOM_COSTS: "too little room costs no key",
    F.METADATA_ALWAYS: "without Metadata_mimetype no metadata come",
    F.CLOSE_FAILS: "both ends close",
    F.CLOSE_IGNORED: "who has closed gets no more keys",
    F.CLOSE_TAKES: "the peer gets what is left after the other end has closed",
    F.SILENT: "each call is answered with a status",
    F.ALIEN_STATUS: "each function has statuses of its own",
    F.NINE: "statuses are those of the standard",
    F.NONSENSE_READ: "what is no request brings no key",
}
ALONE: Final = frozenset(StreamFault) - {
    *(F.REFUSES_ALL, F.ZERO_ALONE, F.KSID_SAME, F.NO_JSON, F.JOIN_REFUSED, F.NO_AGREED, F.FORGETS, F.THIRD_JOINS),
    *(F.NOT_MINE_TAKEN, F.EARLY_KEY, F.NO_INDEX, F.NEXT_JUMPS, F.INDEX_IGNORED, F.OPENER_ASKS, F.UNKNOWN_KEY),
    *(F.OTHER_CLOSES, F.SILENT, F.ALIEN_STATUS, F.NINE),
}
"""The faults that break one rule only, in JSON: no other check may name them."""
BOTH: Final = pytest.mark.parametrize("scheme", ["https", "tls"])


def party(sae: str, scheme: str, *, is_known: bool = True) -> Party:
    return Party(sae, f"{scheme}://kme.example", Path("ca"), Papers(Path(sae), Path("key")) if is_known else None)


def subject(scheme: str, other_scheme: str = "") -> StreamSubject:
    return StreamSubject(
        party("alice", scheme), party("bob", other_scheme or scheme), party("carol", scheme), patience=2.0
    )


def examined(scheme: str, faults: Collection[StreamFault] = (), busy: int = 0) -> Examination:
    kme = ForeignStreams(faults, busy=busy)
    return examine_streams(subject(scheme), acquainted(kme), kme.clock)


def heard_of(kme: ForeignStreams, by: StreamSubject | None = None) -> StreamHeard:
    return stream_interview(by or subject("https"), acquainted(kme), kme.clock)


def titled(done: Examination, outcome: Outcome) -> set[str]:
    return {result.title for result in done.results if result.outcome is outcome}


@BOTH
@clause(STREAMS_STANDARD, "6")
def test_a_right_key_manager_passes_every_check(scheme: str) -> None:
    done = examined(scheme)
    assert [(each.title, each.notes) for each in done.results if each.outcome is not Outcome.PASS] == []
    assert done.keys_used == MOST_CHUNKS == done.most_keys


def test_one_end_may_speak_json_and_the_other_frames() -> None:
    kme = ForeignStreams()
    done = examine_streams(subject("https", "tls"), acquainted(kme), kme.clock)
    assert titled(done, Outcome.PASS) == {check.title for check in STREAM_CHECKS}


def test_no_two_checks_have_one_title() -> None:
    assert len({check.title for check in STREAM_CHECKS}) == len(STREAM_CHECKS)


@BOTH
@pytest.mark.parametrize("fault", StreamFault)
def test_each_planted_fault_is_found_by_its_check(scheme: str, fault: StreamFault) -> None:
    done = examined(scheme, [fault])
    failed = titled(done, Outcome.FAIL)
    assert FOUND[fault] in failed, failed
    if fault in ALONE and scheme == "https":
        assert failed == {FOUND[fault]}
    levels = {result.level for result in done.results if result.outcome is Outcome.FAIL}
    assert done.is_passed == (Level.MUST not in levels)
    assert all(result.notes for result in done.results if result.outcome is not Outcome.PASS)


def test_every_check_can_fail() -> None:
    assert set(FOUND.values()) == {check.title for check in STREAM_CHECKS}


@BOTH
def test_nothing_is_left_open(scheme: str) -> None:
    kme = ForeignStreams()
    examine_streams(subject(scheme), acquainted(kme), kme.clock)
    assert kme.streams == {}


def test_no_finding_shows_a_key() -> None:
    for fault in (F.OTHER_KEY, F.KEY_SHORT, F.AGAIN_GIVEN, F.EARLY_KEY, F.CLOSE_IGNORED):
        kme = ForeignStreams([fault])
        heard = heard_of(kme)
        told = repr([judge(check, heard) for check in STREAM_CHECKS]) + repr(heard)
        assert kme.given
        assert not any(key.hex() in told or repr(key)[2:-1] in told for key in kme.given)


def test_without_the_second_ends_certificate_its_checks_are_skipped_and_say_so() -> None:
    kme = ForeignStreams()
    alone = replace(subject("https"), second=party("bob", "https", is_known=False), other=None)
    done = examine_streams(alone, acquainted(kme), kme.clock)
    skipped = {result.title: result.notes for result in done.results if result.outcome is Outcome.SKIP}
    assert done.is_passed
    assert skipped["the peer joins with the KSID that the first end was given"] == (NO_SECOND,)
    assert skipped["a KSID agreed before is taken at both ends, in any order"] == (NO_SECOND,)
    assert skipped["a third SAE gets no key of the stream"] in {(NO_OTHER,), (NO_STREAM,)}
    assert "OPEN_CONNECT opens a stream" not in skipped
    assert kme.streams == {}


def test_without_a_third_sae_only_what_it_would_ask_is_skipped() -> None:
    kme = ForeignStreams()
    done = examine_streams(replace(subject("https"), other=None), acquainted(kme), kme.clock)
    skipped = [result for result in done.results if result.outcome is Outcome.SKIP]
    assert {note for each in skipped for note in each.notes} == {NO_OTHER}
    assert len(skipped) == 3


def test_want_of_key_is_waited_for_and_fails_in_the_end() -> None:
    assert examined("https", busy=3).is_passed
    done = examined("https", busy=10**6)
    assert "both ends may ask in any order, and ahead" in titled(done, Outcome.FAIL)
    assert done.keys_used == 0


def test_nobody_there_is_a_refusal() -> None:
    kme = ForeignStreams()
    nobody = lambda _: acquainted(kme)(party("alice", "https", is_known=False))  # noqa: E731  # as short as it gets
    with pytest.raises(Refusal, match="no answer to alice: tls handshake failure"):
        stream_interview(subject("https"), nobody, kme.clock)


def test_a_long_ttl_is_not_waited_for() -> None:
    class Keeping(ForeignStreams):
        def _granted(self, qos: dict[str, object]) -> dict[str, object]:
            return {**super()._granted(qos), "ttl": 3_600}

    kme = Keeping()
    heard = heard_of(kme)
    with pytest.raises(NotAsked, match="a TTL of 3600 s was granted"):
        heard[S.BRIEF_PICK]
    assert kme.time < 60


def test_a_peer_that_timed_out_need_not_stay_registered() -> None:
    heard = heard_of(ForeignStreams())
    timed_out = replace(heard, told={**heard.told, S.LONE: Told(6)})
    assert all(judge(check, timed_out).outcome is Outcome.PASS for check in STREAM_CHECKS)


def test_two_ends_without_a_ksid_may_meet() -> None:
    heard = heard_of(ForeignStreams())
    first = heard[S.MEET_FIRST]
    met = replace(heard, told={**heard.told, S.MEET_SECOND: replace(first, status=0)})
    assert all(judge(check, met).outcome is Outcome.PASS for check in STREAM_CHECKS)


def test_a_status_counts_whatever_code_http_has() -> None:
    class Coded:
        def ask(self, verb: str, target: str, body: bytes | None = None) -> Reply:
            del verb, target, body
            return Reply(400, "application/json", b'{"status": 3}')

    assert JsonSpeaker(Coded()).close("x").status == 3


def test_each_question_has_its_function() -> None:
    assert FUNCTIONS[S.OTHER_CLOSE] is Function.CLOSE
    assert FUNCTIONS[S.OTHER_GET] is Function.GET_KEY
    assert FUNCTIONS[S.LATE_JOIN] is Function.OPEN_CONNECT
    assert {*PAIRS.values()} <= {*STREAMS}
    assert {FUNCTIONS[each] for each in (*PAIRS, *STREAMS)} == {Function.GET_KEY}
