"""An examination by ETSI GS QKD 004 V2.1.1 as it is held: which calls are made, by whom, in which order.

The order matters. What should bring nothing comes before what shows whether it did: a third SAE before the peer that it
may have kept out, too little room before enough. Whatever is opened is closed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final
from uuid import uuid4

from keytwin.operation.conformance_stream_calls import CLOCK, Clock, StreamVisit, speaker_of
from keytwin.operation.conformance_stream_course import (
    FAR,
    NO_CHUNK,
    NO_SECOND,
    NO_STREAM,
    Course,
    StreamSubject,
    ksid_of,
    replaced,
    uri_of,
)
from keytwin.operation.conformance_stream_questions import COUNTERS, S, StreamHeard
from keytwin.service.stream_qos import METADATA
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.stream_messages import LARGEST, StreamQos, StreamStatus

TIMEOUT: Final = 5_000  # ms
SHORT_TIMEOUT: Final = 700
SHORT_TTL: Final = 1  # s
LONGEST_TTL: Final = 10  # s that are waited for
AFTER_TTL: Final = 1.0  # s in which a key manager has to see that a time is over
OTHER_CHUNK: Final = 16  # octets
AHEAD: Final = 3  # chunks
SMALL_ROOM: Final = 1  # octet: no metadata have so little
SLACK: Final = 16  # octets: an age may have grown by some digits
NOBODY: Final = "keytwin-conform-nobody"
UNKNOWN_TYPE: Final = "application/x-keytwin-conform"

NOT_ALONE: Final = "the first end was not told 1"
NOT_SEVEN: Final = "it was not refused with 7 and a counter-proposal"
NO_NEED: Final = "it was not refused with 8 and the room needed"

# 16,384 bit/s are little enough for several streams at once.
USUAL: Final = StreamQos(key_chunk_size=32, max_bps=16_384, timeout=TIMEOUT, ttl=600, metadata_mimetype=METADATA)


def stream_interview(subject: StreamSubject, visit: StreamVisit = speaker_of, clock: Clock = CLOCK) -> StreamHeard:
    """Make all calls; Refusal when nothing answers at all."""
    course = Course(subject, visit, clock)
    ksid = _meet(course, _begin(course))
    _take_and_compare(course, ksid)
    _try_room(course, ksid)
    _err(course, ksid, visit)
    _part(course, ksid)
    brief, since = _begin_briefly(course)
    _come_from_behind(course)
    _agree_before(course)
    _call_both_without(course)
    _wait_alone(course)
    _outlive(course, brief, since)
    _want_too_much(course)
    return course.heard


# --- the first stream -------------------------------------------------------------------------------------------------


def _begin(course: Course) -> str:
    """Open without a KSID: on this all else depends."""
    told = course.open(S.OPEN, course.first, None, USUAL)
    if told.status is None:
        first = course.subject.first
        raise Refusal(
            f"{first.url} gave no answer to {first.sae}: {told.why}; "
            "look at the address, at --ca, and whether the key manager knows the certificate"
        )
    return ksid_of(told)


def _meet(course: Course, ksid: str) -> str:
    """Let others try before the peer is there; then let it come, and both come once more. "" = it did not come."""
    course.get(S.EARLY, course.first, ksid)
    course.get(S.UNOPENED, course.second, ksid)
    course.open(S.OTHER_OPEN, course.other, ksid, USUAL)
    course.open(S.JOIN, course.second, ksid, replaced(USUAL, key_chunk_size=OTHER_CHUNK, ttl=USUAL.ttl // 2))
    kept = course.kept(ksid, S.JOIN)
    course.open(S.THIRD_FIRST, course.first, kept, USUAL)
    course.open(S.THIRD_SECOND, course.second, kept, USUAL)
    course.get(S.OTHER_GET, course.other, kept)
    course.close(S.OTHER_CLOSE, course.other, kept)
    return kept


def _take_and_compare(course: Course, ksid: str) -> None:
    """Take chunks at one end, and the same at the other in another order."""
    first, second = course.first, course.second
    for question in (S.NEXT_1, S.NEXT_2, S.NEXT_3):
        course.take(question, first, ksid)
    course.pick(S.PICK_3, second, S.NEXT_3, ksid)
    course.pick(S.PICK_1, second, S.NEXT_1, ksid)
    course.pick(S.PICK_2, second, S.NEXT_2, ksid)
    course.take(S.PEER_NEXT, second, ksid)
    course.pick(S.PEER_PICK, first, S.PEER_NEXT, ksid)
    course.take(S.AHEAD, first, ksid, course.beyond(AHEAD))
    course.pick(S.AHEAD_PICK, second, S.AHEAD, ksid)
    had = course.told(S.NEXT_1).index
    if had is None:
        course.leave(NO_CHUNK, S.AGAIN)
    else:
        course.get(S.AGAIN, first, ksid, had)


def _try_room(course: Course, ksid: str) -> None:
    """Leave too little room for metadata, then enough, for the same chunk."""
    index = course.beyond(1)
    small = course.get(S.SMALL, course.first, ksid, index, SMALL_ROOM)
    if small.status != StreamStatus.METADATA_TOO_SMALL or small.needed is None:
        course.leave(NO_NEED if ksid else NO_STREAM, S.ROOMY, S.ROOMY_PICK)
        return
    course.take(S.ROOMY, course.first, ksid, index, min(LARGEST, small.needed + SLACK))
    course.pick(S.ROOMY_PICK, course.second, S.ROOMY, ksid)


def _err(course: Course, ksid: str, visit: StreamVisit) -> None:
    """Call for what is not there, as nobody, and without sense."""
    unknown = str(uuid4())
    course.get(S.UNKNOWN_GET, course.first, unknown)
    course.close(S.UNKNOWN_CLOSE, course.first, unknown)
    course.get(S.NO_CERTIFICATE, visit(replace(course.subject.first, papers=None)), ksid)
    course.heard.told[S.NONSENSE] = course.first.babble()


def _part(course: Course, ksid: str) -> None:
    """Close at one end, take at the other what is left, close there."""
    course.take(S.LAST, course.first, ksid)
    course.close(S.CLOSE, course.first, ksid)
    course.get(S.AFTER_CLOSE, course.first, ksid)
    course.pick(S.LAST_PICK, course.second, S.LAST, ksid)
    course.close(S.CLOSE_SECOND, course.second, ksid)
    course.get(S.AFTER_BOTH, course.second, ksid)


# --- other ways to meet -----------------------------------------------------------------------------------------------


def _begin_briefly(course: Course) -> tuple[str, float]:
    """Take a chunk that is over soon; return the KSID and when that was, for `_outlive`."""
    ksid = course.opened(S.BRIEF_OPEN, S.BRIEF_JOIN, replaced(USUAL, ttl=SHORT_TTL, timeout=SHORT_TIMEOUT))
    course.take(S.BRIEF_NEXT, course.first, ksid)
    return ksid, course.clock.now()


def _come_from_behind(course: Course) -> None:
    """Let the second end open first, with another size of chunks and no metadata, and the other one ask first."""
    qos = replaced(USUAL, key_chunk_size=OTHER_CHUNK, timeout=SHORT_TIMEOUT, metadata_mimetype="")
    ksid = course.opened(S.BACK_OPEN, S.BACK_JOIN, qos, back=True)
    course.take(S.BACK_NEXT, course.first, ksid)
    course.pick(S.BACK_PICK, course.second, S.BACK_NEXT, ksid)
    course.get(S.BACK_FAR, course.first, ksid, FAR)
    course.shut(ksid)


def _agree_before(course: Course) -> None:
    """Open at both ends at once, with a KSID that they have from elsewhere."""
    if course.second is None:
        course.leave(NO_SECOND, S.AGREED_FIRST, S.AGREED_SECOND, S.AGREED_NEXT, S.AGREED_PICK)
        return
    agreed = str(uuid4())
    with ThreadPoolExecutor(1) as pool:  # an end may have to wait for the other one
        first = pool.submit(course.open, S.AGREED_FIRST, course.first, agreed, USUAL)
        course.open(S.AGREED_SECOND, course.second, agreed, USUAL)
        first.result()
    ksid = course.kept(agreed, S.AGREED_FIRST, S.AGREED_SECOND)
    course.take(S.AGREED_NEXT, course.first, ksid)
    course.pick(S.AGREED_PICK, course.second, S.AGREED_NEXT, ksid)
    course.shut(ksid)


def _call_both_without(course: Course) -> None:
    """Open without a KSID at both ends: they may meet or not, and are to be told which."""
    if course.second is None:
        course.leave(NO_SECOND, S.MEET_FIRST, S.MEET_SECOND)
        return
    first = course.open(S.MEET_FIRST, course.first, None, USUAL)
    second = course.open(S.MEET_SECOND, course.second, None, USUAL)
    for ksid in {ksid_of(first), ksid_of(second)}:
        course.shut(ksid)


def _wait_alone(course: Course) -> None:
    """Open with a KSID while the peer does not come; where that is told, it comes after all."""
    ksid = str(uuid4())
    told = course.open(S.LONE, course.first, ksid, replaced(USUAL, timeout=SHORT_TIMEOUT))
    if told.status == StreamStatus.PEER_NOT_CONNECTED:
        course.open(S.LATE_JOIN, course.second, ksid, USUAL)
    else:
        course.leave(NOT_ALONE, S.LATE_JOIN)
    course.shut(ksid)


def _outlive(course: Course, ksid: str, since: float) -> None:
    """Ask at the other end for a chunk whose time is over."""
    granted = course.told(S.BRIEF_OPEN).qos
    ttl = granted.ttl if granted else 0
    index = course.told(S.BRIEF_NEXT).index
    if ksid and not 0 < ttl <= LONGEST_TTL:
        course.leave(f"a TTL of {ttl} s was granted, and is not waited for", S.BRIEF_PICK)
    elif index is None:
        course.leave(course.heard.reasons.get(S.BRIEF_NEXT, NO_CHUNK), S.BRIEF_PICK)
    else:
        course.clock.sleep(max(0.0, since + ttl + AFTER_TTL - course.clock.now()))
        course.get(S.BRIEF_PICK, course.second, ksid, index)
    course.shut(ksid)


# --- what cannot be ---------------------------------------------------------------------------------------------------


def _want_too_much(course: Course) -> None:
    """Ask for what nobody has, take the counter-proposals up, and open with and for others."""
    wishes = {
        S.RATE: replaced(USUAL, max_bps=LARGEST, min_bps=LARGEST),
        S.SIZE: replaced(USUAL, key_chunk_size=FAR),
        S.TYPE: replaced(USUAL, metadata_mimetype=UNKNOWN_TYPE),
    }
    for question, qos in wishes.items():
        told = course.passing(question, qos)
        if told.status == StreamStatus.QOS_NOT_MET and told.qos is not None:
            course.passing(COUNTERS[question], told.qos)
        else:
            course.leave(NOT_SEVEN, COUNTERS[question])
    mine, others = course.ends[0], (uri_of(f"{NOBODY}-1"), uri_of(f"{NOBODY}-2"))
    course.passing(S.NOBODY, USUAL, (mine, others[0]))
    course.passing(S.NOT_MINE, USUAL, others)
