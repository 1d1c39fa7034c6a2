"""The checks of GET_KEY and CLOSE, and of all answers: ETSI GS QKD 004 V2.1.1, clause 6 with its Tables 1 to 3.

Functions as in `conformance_checks`: each gives what is wrong in what was heard.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec

from keytwin.operation.conformance_reading import JsonObject, whole
from keytwin.operation.conformance_stream_course import OF_OTHERS
from keytwin.operation.conformance_stream_interview import SHORT_TIMEOUT
from keytwin.operation.conformance_stream_openings import AT_ONCE, MILLISECONDS
from keytwin.operation.conformance_stream_questions import FUNCTIONS, PAIRS, STREAMS, S, StreamHeard, StreamQuestion
from keytwin.operation.conformance_stream_values import Function, Told
from keytwin.operation.conformance_values import Check, Findings, Level, NotAsked
from keytwin.vocabulary.stream_messages import LARGEST, StreamStatus

NEXT: Final = (S.NEXT_1, S.NEXT_2, S.NEXT_3)
OUT_OF_ORDER: Final = (*NEXT, S.PICK_3, S.PICK_1, S.PICK_2, S.PEER_NEXT, S.PEER_PICK, S.AHEAD, S.AHEAD_PICK)
NO_CALL: Final = (S.NONSENSE, S.NO_CERTIFICATE, *OF_OTHERS)  # what may be refused before it counts as a call
ALIEN: Final = {
    Function.OPEN_CONNECT: (StreamStatus.INSUFFICIENT_KEY, StreamStatus.NO_PEER, StreamStatus.METADATA_TOO_SMALL),
    Function.GET_KEY: (StreamStatus.PEER_NOT_CONNECTED, StreamStatus.IN_USE, StreamStatus.QOS_NOT_MET),
    Function.CLOSE: (
        *(StreamStatus.PEER_NOT_CONNECTED, StreamStatus.INSUFFICIENT_KEY, StreamStatus.IN_USE),
        *(StreamStatus.QOS_NOT_MET, StreamStatus.METADATA_TOO_SMALL),
    ),
}
"""The statuses that Table 2 has for another function."""


# --- GET_KEY ----------------------------------------------------------------------------------------------------------


def _chunks_have_their_form(heard: StreamHeard) -> Findings:
    for question, told in _done(heard).items():
        yield from (f"{question}: the answer {fault}" for fault in told.faults)


def _no_key_before_both_are_there(heard: StreamHeard) -> Findings:
    yield from _bring_nothing(heard, S.EARLY, S.UNOPENED)


def _that_is_told_with_three(heard: StreamHeard) -> Findings:
    told = heard[S.EARLY]
    if told.status not in (StreamStatus.NO_PEER, StreamStatus.TIMED_OUT):
        yield f"{S.EARLY}: {told.said}, should be 3, or 6 after Timeout"


def _next_goes_on_by_one(heard: StreamHeard) -> Findings:
    found = [(each, heard[each].index) for each in NEXT if heard[each].is_done]
    if not found:
        raise NotAsked("no key was given")
    for (_, before), (question, index) in pairwise(found):
        if before is not None and index is not None and index != before + 1:
            yield f"{question}: index {index}, should be {before + 1}"


def _an_index_is_honoured(heard: StreamHeard) -> Findings:
    for question, told in _done(heard).items():
        wanted = heard.indices.get(question)
        if wanted is not None and told.index is not None and told.index != wanted:
            yield f"{question}: index {told.index}, asked for {wanted}"


def _chunks_come_in_any_order(heard: StreamHeard) -> Findings:
    yield from _bring(heard, *OUT_OF_ORDER)


def _either_end_asks_first(heard: StreamHeard) -> Findings:
    yield from _bring(heard, S.BACK_NEXT, S.BACK_PICK)


def _both_ends_have_the_same(heard: StreamHeard) -> Findings:
    compared = 0
    for question, brought in PAIRS.items():
        one, other = heard.told.get(brought, Told()), heard.told.get(question, Told())
        if one.is_done and other.is_done and one.index == other.index and one.key and other.key:
            compared += 1
            if one.key != other.key:
                yield f"{question}: another key than the other end has at index {one.index}"
    if not compared:
        raise NotAsked("no chunk came at both ends")


def _chunks_have_the_size_agreed(heard: StreamHeard) -> Findings:
    for stream, opening in ((1, S.OPEN), (2, S.BACK_OPEN), (3, S.AGREED_FIRST)):
        qos = heard.told.get(opening, Told()).qos
        for question, told in _of(heard, stream).items():
            if qos is not None and told.key is not None and len(told.key) != qos.key_chunk_size:
                yield f"{question}: {len(told.key)} octets, agreed were {qos.key_chunk_size}"


def _no_key_has_two_indices(heard: StreamHeard) -> Findings:
    keys = {told.index: told.key for told in heard.chunks(1).values()}
    if len(set(keys.values())) < len(keys):
        yield f"{len(keys)} indices have {len(set(keys.values()))} keys"


def _no_key_is_in_two_streams(heard: StreamHeard) -> Findings:
    streams = [{told.key for told in _of(heard, stream).values()} for stream in sorted({*STREAMS.values()})]
    if len([each for each in streams if each]) < 2:
        raise NotAsked("no two streams came about")
    shared = sum(len(one & other) for at, one in enumerate(streams) for other in streams[:at])
    if shared:
        yield f"{shared} keys came in two streams"


def _a_chunk_comes_once(heard: StreamHeard) -> Findings:
    if heard[S.AGAIN].is_done:
        yield f"{S.AGAIN}: {heard[S.AGAIN].said}, should be refused"


def _a_far_chunk_is_not_there(heard: StreamHeard) -> Findings:
    told = heard[S.BACK_FAR]
    if told.status not in (StreamStatus.INSUFFICIENT_KEY, StreamStatus.TIMED_OUT):
        yield f"{S.BACK_FAR}: {told.said}, should be 2 or 6"


def _getting_keeps_its_timeout(heard: StreamHeard) -> Findings:
    told = heard[S.BACK_FAR]
    if told.seconds > SHORT_TIMEOUT / MILLISECONDS + AT_ONCE:
        yield f"{S.BACK_FAR}: answered after {told.seconds:.1f} s with a Timeout of {SHORT_TIMEOUT} ms"


def _chunks_end_with_their_ttl(heard: StreamHeard) -> Findings:
    yield from _bring_nothing(heard, S.BRIEF_PICK)


def _an_unknown_ksid_has_no_key(heard: StreamHeard) -> Findings:
    yield from _bring_nothing(heard, S.UNKNOWN_GET)


def _an_unknown_ksid_is_refused(heard: StreamHeard) -> Findings:
    for question, told in heard.among((S.UNKNOWN_GET, S.UNKNOWN_CLOSE)).items():
        if told.status != StreamStatus.NO_PEER:
            yield f"{question}: {told.said}, should be 3"


def _a_third_sae_gets_no_key(heard: StreamHeard) -> Findings:
    yield from _bring_nothing(heard, S.OTHER_GET)


def _a_third_sae_closes_nothing(heard: StreamHeard) -> Findings:
    told = heard[S.OTHER_CLOSE]
    if told.is_done:
        yield f"{S.OTHER_CLOSE}: {told.said}, should be refused"
    if not heard[S.NEXT_1].is_done:
        yield f"{S.NEXT_1}: {heard[S.NEXT_1].said}, after a third SAE closed"


def _nobody_gets_a_key(heard: StreamHeard) -> Findings:
    yield from _bring_nothing(heard, S.NO_CERTIFICATE)


# --- metadata ---------------------------------------------------------------------------------------------------------


def _metadata_is_as_in_table_3(heard: StreamHeard) -> Findings:
    for question, told in heard.chunks(1).items():
        members = _members_of(told)
        for name in ("age", "hops"):
            value = whole(members.get(name))
            if value is None or not 0 <= value <= LARGEST:
                yield f"{question}: the metadata has no {name} that is a uint32"


def _metadata_is_as_large_as_told(heard: StreamHeard) -> Findings:
    for question, told in heard.chunks(1).items():
        if told.metadata is not None and told.size != len(told.metadata):
            yield f"{question}: Metadata_size {told.size}, and {len(told.metadata)} octets came"


def _metadata_needs_its_room(heard: StreamHeard) -> Findings:
    told = heard[S.SMALL]
    if told.status != StreamStatus.METADATA_TOO_SMALL:
        yield f"{S.SMALL}: {told.said}, should be 8"
    elif not told.needed or told.needed <= 1:
        yield f"{S.SMALL}: status 8 without the size that is needed"


def _too_little_room_costs_no_key(heard: StreamHeard) -> Findings:
    yield from _bring(heard, S.ROOMY, S.ROOMY_PICK)


def _metadata_comes_if_wanted(heard: StreamHeard) -> Findings:
    for question, told in heard.chunks(2).items():
        if told.metadata:
            yield f"{question}: {len(told.metadata)} octets of metadata, and no Metadata_mimetype was agreed"


# --- CLOSE ------------------------------------------------------------------------------------------------------------


def _both_ends_close(heard: StreamHeard) -> Findings:
    for question, told in heard.among((S.CLOSE, S.CLOSE_SECOND)).items():
        if not told.is_done:
            yield f"{question}: {told.said}, should be 0"


def _no_key_after_close(heard: StreamHeard) -> Findings:
    yield from _bring_nothing(heard, S.AFTER_CLOSE, S.AFTER_BOTH)


def _the_peer_gets_what_is_left(heard: StreamHeard) -> Findings:
    yield from _bring(heard, S.LAST, S.LAST_PICK)


# --- all answers ------------------------------------------------------------------------------------------------------


def _each_call_has_a_status(heard: StreamHeard) -> Findings:
    for question, told in heard.told.items():
        if told.status is None and question not in NO_CALL:
            yield f"{question}: {told.said}"


def _statuses_fit_their_function(heard: StreamHeard) -> Findings:
    for question, told in heard.told.items():
        if told.status in ALIEN[FUNCTIONS[question]]:
            yield f"{question}: {told.said}, which {FUNCTIONS[question]} does not have"


def _statuses_are_of_the_standard(heard: StreamHeard) -> Findings:
    for question, told in heard.told.items():
        if told.status is not None and not 0 <= told.status <= max(StreamStatus):
            yield f"{question}: {told.said}, the standard has 0 to 8"


def _nonsense_is_no_call(heard: StreamHeard) -> Findings:
    yield from _bring_nothing(heard, S.NONSENSE)


# --- what they have in common -----------------------------------------------------------------------------------------


def _done(heard: StreamHeard) -> dict[StreamQuestion, Told]:
    found = {each: told for each, told in heard.by(Function.GET_KEY).items() if told.is_done}
    if not found:
        raise NotAsked("no key was given")
    return found


def _of(heard: StreamHeard, stream: int) -> dict[StreamQuestion, Told]:
    """Return the chunks of a stream that came first, none where none did."""
    return {each: told for each, told in heard.chunks().items() if STREAMS[each] == stream}


def _bring(heard: StreamHeard, *questions: StreamQuestion) -> Findings:
    for question, told in heard.among(questions).items():
        if not told.is_done:
            yield f"{question}: {told.said}, should be 0"


def _bring_nothing(heard: StreamHeard, *questions: StreamQuestion) -> Findings:
    for question, told in heard.among(questions).items():
        if told.is_done or told.key:
            yield f"{question}: {told.said}, should bring no key"


def _members_of(told: Told) -> JsonObject:
    try:
        return msgspec.json.decode(told.metadata or b"", type=JsonObject)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


_M, _S = Level.MUST, Level.SHOULD
CHUNKS: Final[tuple[Check[StreamHeard], ...]] = (
    Check("Table 2, status 3", _M, "no key is given before both ends are there", _no_key_before_both_are_there),
    Check("Table 2, status 3", _S, "who asks before its peer is there is told 3, or 6", _that_is_told_with_three),
    Check("Table 1", _M, "an answer with a key has its form", _chunks_have_their_form),
    Check("Table 2, index", _M, "without an index the next chunk comes", _next_goes_on_by_one),
    Check("Table 2, index", _M, "with an index that chunk comes", _an_index_is_honoured),
    Check("Table 2, index", _M, "both ends may ask in any order, and ahead", _chunks_come_in_any_order),
    Check("6, case 1", _M, "either end may ask first", _either_end_asks_first),
    Check("Table 2, index", _M, "both ends have the same key at an index", _both_ends_have_the_same),
    Check("Table 2, QoS", _M, "each chunk has the Key_chunk_size agreed", _chunks_have_the_size_agreed),
    Check("Table 2, index", _M, "no key comes under two indices", _no_key_has_two_indices),
    Check("Table 2, KSID", _M, "no key comes in two streams", _no_key_is_in_two_streams),
    Check("Table 2, index", _S, "a chunk comes once to each end", _a_chunk_comes_once),
    Check("Table 2, status 2", _M, "a chunk that cannot be there is refused with 2 or 6", _a_far_chunk_is_not_there),
    Check("Table 2, Timeout", _M, "GET_KEY waits no longer than Timeout", _getting_keeps_its_timeout),
    Check("Table 2, TTL", _M, "no chunk comes after its TTL", _chunks_end_with_their_ttl),
    Check("Table 2, KSID", _M, "an unknown KSID brings no key", _an_unknown_ksid_has_no_key),
    Check("Table 2, status 3", _S, "an unknown KSID is refused with 3", _an_unknown_ksid_is_refused),
    Check("Table 2, KSID", _M, "a third SAE gets no key of the stream", _a_third_sae_gets_no_key),
    Check("Table 2, KSID", _M, "a third SAE does not close the stream", _a_third_sae_closes_nothing),
    Check("6", _S, "nobody gets a key without a client certificate", _nobody_gets_a_key),
    Check("Table 3", _M, "the metadata has age and hops", _metadata_is_as_in_table_3),
    Check("Table 2, Metadata", _M, "the metadata is as large as is told", _metadata_is_as_large_as_told),
    Check("Table 2, status 8", _M, "too little room is told with 8 and the size needed", _metadata_needs_its_room),
    Check("Table 2, status 8", _M, "too little room costs no key", _too_little_room_costs_no_key),
    Check("Table 2, QoS", _M, "without Metadata_mimetype no metadata come", _metadata_comes_if_wanted),
    Check("Table 1", _M, "both ends close", _both_ends_close),
    Check("Table 1", _M, "who has closed gets no more keys", _no_key_after_close),
    Check("Table 1", _M, "the peer gets what is left after the other end has closed", _the_peer_gets_what_is_left),
    Check("Table 2, status", _M, "each call is answered with a status", _each_call_has_a_status),
    Check("Table 2, status", _M, "each function has statuses of its own", _statuses_fit_their_function),
    Check("Table 2, status", _S, "statuses are those of the standard", _statuses_are_of_the_standard),
    Check("6", _M, "what is no request brings no key", _nonsense_is_no_call),
)
