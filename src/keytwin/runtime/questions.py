"""Questions of faces to elements: each is answered once, by the element or, when that stops, by a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from keytwin.runtime.livehost import LiveHost
from keytwin.service.conversation import discard
from keytwin.vocabulary.exchange_messages import KeyRefused
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import seconds

Answer = Callable[[Message], None]
COME_AGAIN: Final = seconds(1)


@dataclass(slots=True)
class Questions:
    """The open questions of a process, by their request identifiers."""

    asked: dict[RequestId, tuple[LiveHost, Answer]] = field(default_factory=dict)

    def put(self, host: LiveHost, question: Message, answer: Answer) -> bool:
        """Have `answer` called with the reply; False, and it has been called, when the element is stopped."""
        request_id: RequestId = question.request_id  # type: ignore[attr-defined]  # questions and replies all have one
        assert request_id not in self.asked
        if host.receive is None:
            answer(_unavailable(request_id))
            return False
        self.asked[request_id] = host, answer
        return True

    def answer(self, reply: Message) -> None:
        """Hand a reply to whoever asked; keys for one who has gone are wiped."""
        asked = self.asked.pop(reply.request_id, None)  # type: ignore[attr-defined]
        if asked is None:
            discard(reply)
            return
        asked[1](reply)

    def forget(self, request_id: RequestId) -> None:
        """Give a question up."""
        self.asked.pop(request_id, None)

    def refuse(self, host: LiveHost) -> None:
        """Refuse whatever is open with an element that stops."""
        for request_id, (asked, answer) in list(self.asked.items()):
            if asked is host:
                del self.asked[request_id]
                answer(_unavailable(request_id))


def _unavailable(request_id: RequestId) -> KeyRefused:
    return KeyRefused(request_id, Reason.UNAVAILABLE, COME_AGAIN)
