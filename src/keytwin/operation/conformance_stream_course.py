"""Calls by ETSI GS QKD 004 V2.1.1 in an examination, one after the other, and what was heard so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote
from uuid import UUID

import msgspec

from keytwin.operation.conformance_calls import Party
from keytwin.operation.conformance_stream_calls import Clock, Speaker, StreamVisit
from keytwin.operation.conformance_stream_questions import S, StreamHeard, StreamQuestion
from keytwin.operation.conformance_stream_values import ROOM, Opening, Told
from keytwin.vocabulary.stream_messages import StreamQos, StreamStatus

PAUSE: Final = 0.5  # s before what was refused for want of key is asked again
SCARCE: Final = (StreamStatus.INSUFFICIENT_KEY, StreamStatus.NO_PEER, StreamStatus.TIMED_OUT)
FAR: Final = 2**31  # as index: gigabytes ahead

NO_SECOND: Final = "the second end's certificate was not given"
NO_OTHER: Final = "no certificate of a third SAE was given"
NO_STREAM: Final = "the stream did not come about"
NO_CHUNK: Final = "no chunk came under an index"
OF_OTHERS: Final = (S.OTHER_OPEN, S.OTHER_GET, S.OTHER_CLOSE)


@dataclass(frozen=True, slots=True)
class StreamSubject:
    """What is examined: two ends as SAEs see them; perhaps a third SAE that has no part in it.

    `source`, `destination`: URIs of the two ends; "" = one with the SAE's name. `patience`: seconds for which a GET_KEY
    that should bring a key is made again.
    """

    first: Party
    second: Party
    other: Party | None = None
    source: str = ""
    destination: str = ""
    patience: float = 30.0


class Course:
    """Whoever may call, and what came of it."""

    def __init__(self, subject: StreamSubject, visit: StreamVisit, clock: Clock) -> None:
        assert subject.first.papers is not None, "the first end has a certificate"
        self.subject, self.clock = subject, clock
        self.ends = (subject.source or uri_of(subject.first.sae), subject.destination or uri_of(subject.second.sae))
        self.first = visit(subject.first)
        self.second = visit(subject.second) if subject.second.papers else None
        self.other = visit(subject.other) if subject.other else None
        self.heard = StreamHeard()

    def open(self, question: StreamQuestion, by: Speaker | None, ksid: str | None, qos: StreamQos) -> Told:
        """Call OPEN_CONNECT; whoever is not the first end sees the two from the other side."""
        ends = self.ends if by is self.first else self.ends[::-1]
        return self._opening(question, by, Opening(*ends, ksid, qos))

    def passing(self, question: StreamQuestion, qos: StreamQos, ends: tuple[str, str] | None = None) -> Told:
        """Open as the first end, and close at once what has come of it."""
        told = self._opening(question, self.first, Opening(*(ends or self.ends), None, qos))
        self.shut(ksid_of(told))
        return told

    def opened(self, first: StreamQuestion, then: StreamQuestion, qos: StreamQos, *, back: bool = False) -> str:
        """Open at both ends, `back`: at the second one first; return the KSID, "" = no stream came about."""
        speakers = (self.second, self.first) if back else (self.first, self.second)
        ksid = ksid_of(self.open(first, speakers[0], None, qos))
        self.open(then, speakers[1], ksid, qos)
        return self.kept(ksid, then)

    def kept(self, ksid: str, *openings: StreamQuestion) -> str:
        """Return the KSID of a stream that came about; close what did not, and return ""."""
        if all(self.told(each).is_registered for each in openings):
            return ksid
        self.shut(ksid)
        return ""

    def get(
        self, question: StreamQuestion, by: Speaker | None, ksid: str, index: int | None = None, room: int = ROOM
    ) -> Told:
        """Call GET_KEY, once."""
        if index is not None:
            self.heard.indices[question] = index
        return self._ask(question, by, ksid, lambda speaker: speaker.get_key(ksid, index, room))

    def take(
        self, question: StreamQuestion, by: Speaker | None, ksid: str, index: int | None = None, room: int = ROOM
    ) -> None:
        """Call GET_KEY, again as long as there is no key just now."""
        end = self.clock.now() + self.subject.patience
        while self.get(question, by, ksid, index, room).status in SCARCE and self.clock.now() + PAUSE < end:
            self.clock.sleep(PAUSE)

    def pick(self, question: StreamQuestion, by: Speaker | None, brought: StreamQuestion, ksid: str) -> None:
        """Take the chunk that another question brought to the other end."""
        index = self.told(brought).index
        if index is None:
            self.leave(self.heard.reasons.get(brought, NO_CHUNK), question)
        else:
            self.take(question, by, ksid, index)

    def close(self, question: StreamQuestion, by: Speaker | None, ksid: str) -> None:
        """Call CLOSE."""
        self._ask(question, by, ksid, lambda speaker: speaker.close(ksid))

    def shut(self, ksid: str) -> None:
        """Close a stream wherever it is open, whatever is said to that."""
        for speaker in (self.first, self.second):
            if ksid and speaker is not None:
                speaker.close(ksid)

    def told(self, question: StreamQuestion) -> Told:
        """Return what was told, or an empty answer."""
        return self.heard.told.get(question, Told())

    def beyond(self, step: int) -> int:
        """Return an index beyond all that came so far."""
        seen = [told.index for told in self.heard.told.values() if told.index is not None]
        return min(max(seen, default=-1) + step, FAR)

    def leave(self, reason: str, *questions: StreamQuestion) -> None:
        """Leave questions out."""
        self.heard.reasons.update(dict.fromkeys(questions, reason))

    def _opening(self, question: StreamQuestion, by: Speaker | None, opening: Opening) -> Told:
        self.heard.asked[question] = opening
        return self._ask(question, by, opening.ksid, lambda speaker: speaker.open_connect(opening))

    def _ask(
        self, question: StreamQuestion, by: Speaker | None, ksid: str | None, call: Callable[[Speaker], Told]
    ) -> Told:
        """Make a call, unless who should is not there or its stream (KSID "") is not."""
        if by is None or ksid == "":
            self.leave(NO_STREAM if by else NO_OTHER if question in OF_OTHERS else NO_SECOND, question)
            return Told()
        told = self.heard.told[question] = call(by)
        return told


def uri_of(sae: str) -> str:
    """Return a URI that names an SAE: its last segment does."""
    return f"qkd://keytwin-conform/{quote(sae, safe='')}"


def replaced(qos: StreamQos, **members: int | str) -> StreamQos:
    """Return a QoS with other members."""
    return msgspec.structs.replace(qos, **members)


def ksid_of(told: Told) -> str:
    """Return the KSID of a stream that was opened; "" = there is none that both framings could carry."""
    try:
        return str(UUID(told.ksid)) if told.ksid and told.is_registered else ""
    except ValueError:
        return ""
