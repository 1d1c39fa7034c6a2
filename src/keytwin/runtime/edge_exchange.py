"""One request on its way through the elements and back: drives a conversation by callbacks, without task or future."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from keytwin.runtime.crash import Supervise
from keytwin.service.conversation import Conversation, Face, Question, discard
from keytwin.service.http import Request, Response
from keytwin.vocabulary.machine import Message, RequestId


class Asker(Protocol):
    """Puts the questions of a face to the elements."""

    def ask(self, question: Question, answer: Callable[[Message], None]) -> None:
        """Ask; `answer` is called once with the reply, maybe before this returns, unless it was forgotten."""
        ...

    def forget(self, request_id: RequestId) -> None:
        """Nobody waits any more: wipe the keys of a delivery that still comes."""
        ...


class Waiting(Protocol):
    """Who waits for the end of an exchange, unless it abandons it."""

    def answered(self, exchange: Exchange, response: Response) -> None:
        """The conversation has ended with an answer."""
        ...

    def failed(self) -> None:
        """The face or an element did what it never should: there is no answer."""
        ...


class Exchange:
    """One request that is being answered."""

    __slots__ = ("_asker", "_conversation", "_is_over", "_supervise", "_waiting", "request_id")

    def __init__(self, request_id: RequestId, asker: Asker, supervise: Supervise, waiting: Waiting) -> None:
        self.request_id = request_id
        self._asker = asker
        self._supervise = supervise
        self._waiting = waiting
        self._conversation: Conversation | None = None
        self._is_over = False

    def begin(self, face: Face, name: str, request: Request) -> None:
        """Let the face answer, or ask first; called under the caller's own supervision."""
        outcome = face(name, request, self.request_id)
        if isinstance(outcome, Response):
            self._finish(outcome)
        else:
            self._conversation = outcome
            self._go_on(outcome, None)

    def replied(self, message: Message) -> None:
        """Take the reply to the question that was asked; one that comes too late is wiped."""
        if self._is_over or self._conversation is None:
            discard(message)
        elif not self._supervise(self._go_on, self._conversation, message):
            self.abandon()
            self._waiting.failed()

    def abandon(self) -> None:
        """Give up: nobody waits for the answer."""
        if self._is_over:
            return
        self._is_over = True
        if self._conversation is not None:
            self._conversation.close()
            self._supervise(self._asker.forget, self.request_id)

    def _go_on(self, conversation: Conversation, reply: Message | None) -> None:
        """Let the conversation take a reply, None = begin, and put its next question."""
        try:
            question = conversation.send(reply) if reply is not None else next(conversation)
        except StopIteration as end:
            response = end.value
        else:
            self._asker.ask(question, self.replied)
            return
        assert isinstance(response, Response)
        self._finish(response)

    def _finish(self, response: Response) -> None:
        self._is_over = True
        self._waiting.answered(self, response)
