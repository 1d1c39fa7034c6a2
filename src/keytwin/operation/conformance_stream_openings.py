"""The checks of OPEN_CONNECT: ETSI GS QKD 004 V2.1.1, clause 6 with its Tables 1 and 2 and its cases 1 and 3.

Functions as in `conformance_checks`: each gives what is wrong in what was heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import RFC_4122, UUID

from keytwin.operation.conformance_stream_course import ksid_of
from keytwin.operation.conformance_stream_interview import SHORT_TIMEOUT
from keytwin.operation.conformance_stream_questions import COUNTERS, S, StreamHeard, StreamQuestion
from keytwin.operation.conformance_stream_values import Function, Told
from keytwin.operation.conformance_values import Check, Findings, Level, NotAsked
from keytwin.vocabulary.stream_messages import StreamStatus

AT_ONCE: Final = 2.0  # seconds in which an answer counts as immediate, on the slowest of networks
MILLISECONDS: Final = 1_000
FRESH: Final = (S.OPEN, S.BACK_OPEN, S.BRIEF_OPEN, S.MEET_FIRST, S.MEET_SECOND, *COUNTERS.values())
"""The openings without a KSID in which nothing is wrong."""
VERSION: Final = 4


def _a_stream_is_opened(heard: StreamHeard) -> Findings:
    told = heard[S.OPEN]
    if not told.is_registered:
        yield f"{S.OPEN}: {told.said}, should be 1"


def _alone_is_one(heard: StreamHeard) -> Findings:
    for question, told in heard.among((S.OPEN, S.BACK_OPEN, S.BRIEF_OPEN)).items():
        if told.is_done:
            yield f"{question}: status 0, and the peer is not there: should be 1"


def _undefined_returns_at_once(heard: StreamHeard) -> Findings:
    for question, told in heard.among((S.OPEN, S.MEET_FIRST)).items():
        if told.seconds > AT_ONCE:
            yield f"{question}: answered after {told.seconds:.1f} s"


def _ksids_are_uuids(heard: StreamHeard) -> Findings:
    for question, told in _registered(heard, FRESH).items():
        if not _is_version_4(told.ksid):
            yield f"{question}: the KSID is no UUID of version 4"


def _ksids_are_unique(heard: StreamHeard) -> Findings:
    told = _registered(heard, (S.OPEN, S.BACK_OPEN, S.BRIEF_OPEN, *COUNTERS.values()))
    if len({each.ksid for each in told.values()}) < len(told):
        yield f"{len(told)} streams have {len({each.ksid for each in told.values()})} KSIDs"


def _qos_is_told_in_full(heard: StreamHeard) -> Findings:
    for question, told in heard.by(Function.OPEN_CONNECT).items():
        if told.is_registered and told.qos is None and not told.faults:
            yield f"{question}: {told.said} without QoS"
        yield from (f"{question}: the answer {fault}" for fault in told.faults)


def _chunk_size_is_as_asked(heard: StreamHeard) -> Findings:
    for question, told in _registered(heard, (S.OPEN, S.BACK_OPEN)).items():
        wanted = heard.asked[question].qos.key_chunk_size
        if told.qos is not None and told.qos.key_chunk_size != wanted:
            yield f"{question}: {told.said} with a Key_chunk_size of {told.qos.key_chunk_size}, asked for {wanted}"


def _json_is_supported(heard: StreamHeard) -> Findings:
    told, wanted = heard[S.OPEN], heard.asked[S.OPEN].qos.metadata_mimetype
    if told.is_registered and told.qos is not None and told.qos.metadata_mimetype != wanted:
        yield f"{S.OPEN}: Metadata_mimetype {told.qos.metadata_mimetype[:40]!r}, should be {wanted}"


def _the_peer_joins(heard: StreamHeard) -> Findings:
    yield from _succeeds(heard, (S.JOIN, S.BRIEF_JOIN))


def _either_end_is_first(heard: StreamHeard) -> Findings:
    yield from _succeeds(heard, (S.BACK_JOIN,))


def _both_have_one_ksid(heard: StreamHeard) -> Findings:
    joins = (S.JOIN, S.BACK_JOIN, S.BRIEF_JOIN, S.AGREED_FIRST, S.AGREED_SECOND, S.LATE_JOIN)
    for question, told in _registered(heard, joins).items():
        wanted = heard.asked[question].ksid
        if ksid_of(told) != wanted:
            yield f"{question}: another KSID than was given"


def _the_first_qos_holds(heard: StreamHeard) -> Findings:
    first, second = heard[S.OPEN].qos, heard[S.JOIN].qos
    if first is None or second is None:
        raise NotAsked("no QoS was told to both ends")
    for name in first.__struct_fields__:
        if getattr(first, name) != getattr(second, name):
            yield f"{S.JOIN}: {name} {getattr(second, name)}, and the first end was told {getattr(first, name)}"


def _an_agreed_ksid_is_taken(heard: StreamHeard) -> Findings:
    told = {each: heard[each] for each in (S.AGREED_FIRST, S.AGREED_SECOND)}
    for question, each in told.items():
        if not each.is_registered:
            yield f"{question}: {each.said}, should be 0, or 1 for the one that comes first"
    if all(each.status == StreamStatus.PEER_NOT_CONNECTED for each in told.values()):
        yield "both ends were told that their peer is not there"


def _a_third_opening_is_in_use(heard: StreamHeard) -> Findings:
    for question, told in heard.among((S.THIRD_FIRST, S.THIRD_SECOND)).items():
        if told.status != StreamStatus.IN_USE:
            yield f"{question}: {told.said}, should be 5"


def _two_without_meet_or_wait(heard: StreamHeard) -> Findings:
    first, second = heard[S.MEET_FIRST], heard[S.MEET_SECOND]
    is_one = first.ksid == second.ksid
    for question, told in ((S.MEET_FIRST, first), (S.MEET_SECOND, second)):
        if not told.is_registered:
            yield f"{question}: {told.said}, should be 1, or 0 where the two meet"
    if second.is_done and not is_one:
        yield f"{S.MEET_SECOND}: status 0, and nobody is at the other end of its KSID"


def _opening_keeps_its_timeout(heard: StreamHeard) -> Findings:
    told, most = heard[S.LONE], SHORT_TIMEOUT / MILLISECONDS + AT_ONCE
    if told.seconds > most:
        yield f"{S.LONE}: answered after {told.seconds:.1f} s with a Timeout of {SHORT_TIMEOUT} ms"
    if told.status not in (StreamStatus.PEER_NOT_CONNECTED, StreamStatus.TIMED_OUT):
        yield f"{S.LONE}: {told.said}, should be 1 or 6"


def _a_registration_stands(heard: StreamHeard) -> Findings:
    yield from _succeeds(heard, (S.LATE_JOIN,))


def _rates_are_met_or_refused(heard: StreamHeard) -> Findings:
    told, wanted = heard[S.RATE], heard.asked[S.RATE].qos.min_bps
    if not (told.is_registered and told.qos is not None and min(told.qos.max_bps, told.qos.min_bps) >= wanted):
        yield from _is_countered(S.RATE, told)


def _sizes_are_met_or_refused(heard: StreamHeard) -> Findings:
    yield from _is_countered(S.SIZE, heard[S.SIZE])


def _types_are_known_or_refused(heard: StreamHeard) -> Findings:
    told = heard[S.TYPE]
    yield from _is_countered(S.TYPE, told)
    if told.qos is not None and told.qos.metadata_mimetype == heard.asked[S.TYPE].qos.metadata_mimetype:
        yield f"{S.TYPE}: the same type comes back, should be the one preferred"


def _counter_proposals_hold(heard: StreamHeard) -> Findings:
    for question, told in heard.among(COUNTERS.values()).items():
        if not told.is_registered:
            yield f"{question}: {told.said}, should be granted"


def _a_third_sae_takes_no_place(heard: StreamHeard) -> Findings:
    told = heard[S.OTHER_OPEN]
    if told.is_registered:
        yield f"{S.OTHER_OPEN}: {told.said}, should be refused"
    if not heard[S.JOIN].is_registered:
        yield f"{S.JOIN}: {heard[S.JOIN].said}, after a third SAE tried"


def _nobody_is_no_peer(heard: StreamHeard) -> Findings:
    if heard[S.NOBODY].status != StreamStatus.NO_CONNECTION:
        yield f"{S.NOBODY}: {heard[S.NOBODY].said}, should be 4"


def _others_streams_are_not_opened(heard: StreamHeard) -> Findings:
    if heard[S.NOT_MINE].is_registered:
        yield f"{S.NOT_MINE}: {heard[S.NOT_MINE].said}, should be refused"


def _registered(heard: StreamHeard, questions: Iterable[StreamQuestion]) -> dict[StreamQuestion, Told]:
    found = {each: told for each, told in heard.among(questions).items() if told.is_registered}
    if not found:
        raise NotAsked("no stream was opened")
    return found


def _succeeds(heard: StreamHeard, questions: Iterable[StreamQuestion]) -> Findings:
    for question, told in heard.among(questions).items():
        if not told.is_done:
            yield f"{question}: {told.said}, should be 0"


def _is_countered(question: StreamQuestion, told: Told) -> Findings:
    if told.status != StreamStatus.QOS_NOT_MET:
        yield f"{question}: {told.said}, should be 7"
    elif told.qos is None:
        yield f"{question}: status 7 without a counter-proposal"


def _is_version_4(ksid: str | None) -> bool:
    try:
        made = UUID(ksid or "")
    except ValueError:
        return False
    return made.version == VERSION and made.variant == RFC_4122


_M, _S = Level.MUST, Level.SHOULD
OPENINGS: Final[tuple[Check[StreamHeard], ...]] = (
    Check("Table 1", _M, "OPEN_CONNECT opens a stream", _a_stream_is_opened),
    Check("Table 2, status 1", _M, "an end whose peer is not there is told 1", _alone_is_one),
    Check("6, case 1", _M, "OPEN_CONNECT without a KSID is answered at once", _undefined_returns_at_once),
    Check("Table 2, KSID", _M, "each KSID is a UUID of version 4", _ksids_are_uuids),
    Check("Table 2, KSID", _M, "no KSID is made twice", _ksids_are_unique),
    Check("Table 2, QoS", _M, "OPEN_CONNECT returns the whole QoS", _qos_is_told_in_full),
    Check("Table 2, QoS", _M, "the Key_chunk_size is granted as asked, or refused", _chunk_size_is_as_asked),
    Check("Table 2, QoS", _M, "metadata in application/json are granted", _json_is_supported),
    Check("6, case 1", _M, "the peer joins with the KSID that the first end was given", _the_peer_joins),
    Check("6, case 1", _M, "either end may come first", _either_end_is_first),
    Check("Table 2, KSID", _M, "both ends have the same KSID", _both_have_one_ksid),
    Check("Table 2, QoS", _M, "the QoS of the first registration is told to the second", _the_first_qos_holds),
    Check("6, case 3", _M, "a KSID agreed before is taken at both ends, in any order", _an_agreed_ksid_is_taken),
    Check("Table 2, status 5", _M, "a KSID that both ends have is in use", _a_third_opening_is_in_use),
    Check("Table 2, status 1", _M, "two ends without a KSID meet, or wait each", _two_without_meet_or_wait),
    Check("Table 2, Timeout", _M, "OPEN_CONNECT waits no longer than Timeout", _opening_keeps_its_timeout),
    Check(
        "Table 2, status 1", _M, "an end that was told 1 is joined by a peer that comes later", _a_registration_stands
    ),
    Check("Table 2, status 7", _M, "a Min_bps that cannot be met is refused with 7", _rates_are_met_or_refused),
    Check("Table 2, status 7", _M, "a Key_chunk_size that cannot be had is refused with 7", _sizes_are_met_or_refused),
    Check("Table 2, status 7", _M, "an unknown Metadata_mimetype is refused with 7", _types_are_known_or_refused),
    Check("Table 2, status 7", _M, "a counter-proposal is granted", _counter_proposals_hold),
    Check("Table 2, KSID", _M, "a third SAE does not take the peer's place", _a_third_sae_takes_no_place),
    Check("Table 2, status 4", _S, "a destination that nobody knows is refused with 4", _nobody_is_no_peer),
    Check(
        "Table 2, source", _S, "who is neither source nor destination gets no stream", _others_streams_are_not_opened
    ),
)
