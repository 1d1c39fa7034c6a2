"""Elements that reply to a face as a test tells them: at once, when asked to, or never."""

from __future__ import annotations

from collections.abc import Callable

from keytwin.service.conversation import Question
from keytwin.vocabulary.machine import Message, RequestId

Answer = Callable[[Message], None]
Reply = Callable[[Question], Message | None]


def never(question: Question) -> None:
    del question


def always(reply: Message) -> Reply:
    def answer(question: Question) -> Message:
        del question
        return reply

    return answer


class ScriptedAsker:
    """Replies what `reply` returns, before `ask` returns; None = the question is held until `release`."""

    def __init__(self, reply: Reply = never) -> None:
        self._reply = reply
        self.asked: list[Question] = []
        self.held: list[Answer] = []
        self.forgotten: list[RequestId] = []

    def ask(self, question: Question, answer: Answer) -> None:
        self.asked.append(question)
        reply = self._reply(question)
        if reply is None:
            self.held.append(answer)
        else:
            answer(reply)

    def forget(self, request_id: RequestId) -> None:
        self.forgotten.append(request_id)

    def release(self, message: Message) -> None:
        """Reply to the question that was held first."""
        self.held.pop(0)(message)
