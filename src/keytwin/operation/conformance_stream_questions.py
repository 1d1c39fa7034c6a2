"""What is asked of a foreign key manager by ETSI GS QKD 004 V2.1.1, and what was heard: values, without a connection.

A question has one function, one end that asks, and one stream. One that cannot be put has a reason instead of an
answer, so that no check is passed by silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from keytwin.operation.conformance_stream_values import Function, Opening, Told
from keytwin.operation.conformance_values import NotAsked


class StreamQuestion(StrEnum):
    """Every question, as a finding names it. The first end is the master's, the second one the slave's."""

    OPEN = "OPEN_CONNECT without KSID"
    EARLY = "GET_KEY before the peer is there"
    UNOPENED = "GET_KEY by the second end before it has opened"
    OTHER_OPEN = "OPEN_CONNECT by a third SAE with the KSID"
    JOIN = "OPEN_CONNECT by the second end with the KSID"
    THIRD_FIRST = "OPEN_CONNECT by the first end with the KSID that both have"
    THIRD_SECOND = "OPEN_CONNECT by the second end with the KSID that both have"
    OTHER_GET = "GET_KEY by a third SAE"
    OTHER_CLOSE = "CLOSE by a third SAE"
    NEXT_1 = "the first GET_KEY without index"
    NEXT_2 = "the second GET_KEY without index"
    NEXT_3 = "the third GET_KEY without index"
    PICK_3 = "GET_KEY by the second end with the third index"
    PICK_1 = "GET_KEY by the second end with the first index"
    PICK_2 = "GET_KEY by the second end with the second index"
    PEER_NEXT = "GET_KEY by the second end without index"
    PEER_PICK = "GET_KEY by the first end with that index"
    AHEAD = "GET_KEY with an index ahead"
    AHEAD_PICK = "GET_KEY by the second end with the index ahead"
    SMALL = "GET_KEY with too little room for metadata"
    ROOMY = "GET_KEY with the room that was said to be needed"
    ROOMY_PICK = "GET_KEY by the second end with that index, too"
    AGAIN = "GET_KEY with an index that was had"
    UNKNOWN_GET = "GET_KEY with an unknown KSID"
    UNKNOWN_CLOSE = "CLOSE with an unknown KSID"
    NO_CERTIFICATE = "GET_KEY without a client certificate"
    NONSENSE = "what is no request"
    LAST = "GET_KEY before CLOSE"
    CLOSE = "CLOSE by the first end"
    AFTER_CLOSE = "GET_KEY by the first end after its CLOSE"
    LAST_PICK = "GET_KEY by the second end after the first has closed"
    CLOSE_SECOND = "CLOSE by the second end"
    AFTER_BOTH = "GET_KEY by the second end after its CLOSE"

    BACK_OPEN = "OPEN_CONNECT without KSID by the second end"
    BACK_JOIN = "OPEN_CONNECT by the first end with the second's KSID"
    BACK_NEXT = "GET_KEY by the end that came last, before the other"
    BACK_PICK = "GET_KEY with that index by the end that came first"
    BACK_FAR = "GET_KEY for a chunk that cannot be there in time"

    AGREED_FIRST = "OPEN_CONNECT by the first end with a KSID agreed before"
    AGREED_SECOND = "OPEN_CONNECT by the second end with a KSID agreed before"
    AGREED_NEXT = "GET_KEY on the KSID agreed before"
    AGREED_PICK = "GET_KEY on the KSID agreed before by the second end"

    MEET_FIRST = "OPEN_CONNECT without KSID by the first end, as the second does"
    MEET_SECOND = "OPEN_CONNECT without KSID by the second end, as the first did"

    LONE = "OPEN_CONNECT with a KSID while the peer does not come"
    LATE_JOIN = "OPEN_CONNECT by the peer that comes later"

    BRIEF_OPEN = "OPEN_CONNECT with a TTL of 1 s"
    BRIEF_JOIN = "OPEN_CONNECT by the second end of the stream with a TTL of 1 s"
    BRIEF_NEXT = "GET_KEY within the TTL"
    BRIEF_PICK = "GET_KEY by the second end after the TTL"

    RATE = "OPEN_CONNECT with a Min_bps that nobody has"
    RATE_AGAIN = "OPEN_CONNECT with the counter-proposal for Min_bps"
    SIZE = "OPEN_CONNECT with a Key_chunk_size that nobody has"
    SIZE_AGAIN = "OPEN_CONNECT with the counter-proposal for Key_chunk_size"
    TYPE = "OPEN_CONNECT with an unknown Metadata_mimetype"
    TYPE_AGAIN = "OPEN_CONNECT with the counter-proposal for Metadata_mimetype"
    NOBODY = "OPEN_CONNECT with a destination that nobody knows"
    NOT_MINE = "OPEN_CONNECT between two others"


S: Final = StreamQuestion

_CLOSES: Final = (S.OTHER_CLOSE, S.UNKNOWN_CLOSE, S.CLOSE, S.CLOSE_SECOND)

FUNCTIONS: Final = MappingProxyType(
    {
        each: Function.OPEN_CONNECT
        if each.value.startswith(Function.OPEN_CONNECT)
        else Function.CLOSE
        if each in _CLOSES
        else Function.GET_KEY
        for each in S
    }
)
"""Which function each question calls; what is no request counts as GET_KEY, which could bring key."""

COUNTERS: Final = MappingProxyType({S.RATE: S.RATE_AGAIN, S.SIZE: S.SIZE_AGAIN, S.TYPE: S.TYPE_AGAIN})
"""What cannot be met, and the question that takes the counter-proposal up."""

PAIRS: Final = MappingProxyType(
    {
        S.PICK_1: S.NEXT_1,
        S.PICK_2: S.NEXT_2,
        S.PICK_3: S.NEXT_3,
        S.PEER_PICK: S.PEER_NEXT,
        S.AHEAD_PICK: S.AHEAD,
        S.ROOMY_PICK: S.ROOMY,
        S.LAST_PICK: S.LAST,
        S.BACK_PICK: S.BACK_NEXT,
        S.AGREED_PICK: S.AGREED_NEXT,
    }
)
"""What asks for an index, and what brought it to the other end."""

STREAMS: Final = MappingProxyType(
    {
        **dict.fromkeys((S.NEXT_1, S.NEXT_2, S.NEXT_3, S.PEER_NEXT, S.AHEAD, S.ROOMY, S.LAST), 1),
        S.BACK_NEXT: 2,
        S.AGREED_NEXT: 3,
        S.BRIEF_NEXT: 4,
    }
)
"""The questions that bring a chunk first, and the stream that it is of."""

MOST_CHUNKS: Final = len(STREAMS)


@dataclass(frozen=True, slots=True)
class StreamHeard:
    """All that was heard; `asked`: the openings as they were asked, `indices`: those that were asked for."""

    told: dict[StreamQuestion, Told] = field(default_factory=dict)
    reasons: dict[StreamQuestion, str] = field(default_factory=dict)
    asked: dict[StreamQuestion, Opening] = field(default_factory=dict)
    indices: dict[StreamQuestion, int] = field(default_factory=dict)

    def __getitem__(self, question: StreamQuestion) -> Told:
        if question not in self.told:
            raise NotAsked(self.reasons.get(question, "not asked"))
        return self.told[question]

    def among(self, questions: Iterable[StreamQuestion]) -> dict[StreamQuestion, Told]:
        """Return the answers to those of some questions that were put; NotAsked when none was."""
        wanted = list(questions)
        found = {each: self.told[each] for each in wanted if each in self.told}
        if not found:
            raise NotAsked(self.reasons.get(wanted[0], "not asked"))
        return found

    def by(self, function: Function) -> dict[StreamQuestion, Told]:
        """Return the answers that a function gave."""
        return {each: told for each, told in self.told.items() if FUNCTIONS[each] is function}

    def chunks(self, *streams: int) -> Mapping[StreamQuestion, Told]:
        """Return the chunks that came first, of some streams or of all; NotAsked when none did."""
        found = {
            each: self.told[each]
            for each, stream in STREAMS.items()
            if each in self.told and self.told[each].is_done and (not streams or stream in streams)
        }
        if not found:
            raise NotAsked("no key was given")
        return found

    @property
    def used(self) -> int:
        """How many chunks were handed out, to whichever end asked first."""
        brought = {*PAIRS, S.BRIEF_PICK}
        return sum(told.is_done for each, told in self.by(Function.GET_KEY).items() if each not in brought)
