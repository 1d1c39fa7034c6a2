"""A conversation driven by callbacks: at once, later, never, and wrongly. No socket here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from keytwin.runtime.crash import supervising
from keytwin.runtime.edge_exchange import Exchange
from keytwin.service.conversation import Conversation, Question
from keytwin.service.http import Request, Response
from keytwin.vocabulary.exchange_messages import KeyDelivered, PoolUnknown
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Message
from tests.fakes.asker import ScriptedAsker, always
from tests.marks import invariant
from tests.service.asking import FIRST_ID, key

REQUEST = Request("GET", "/a")
REPLY = PoolUnknown("r1")
DONE = Response(200)


@dataclass
class Waiter:
    """Who waits, and the supervision."""

    answers: list[Response] = field(default_factory=list)
    failures: int = 0
    errors: list[Exception] = field(default_factory=list)

    def answered(self, exchange: Exchange, response: Response) -> None:
        assert exchange.request_id == "r1"
        self.answers.append(response)

    def failed(self) -> None:
        self.failures += 1


def asking(times: int) -> Callable[[str, Request, str], Conversation]:
    def face(name: str, request: Request, request_id: str) -> Conversation:
        assert (name, request) == ("SAE-A", REQUEST)
        for _ in range(times):
            assert (yield Question(ElementName("km/km0"), PoolUnknown(request_id))) == REPLY
        return DONE

    return face


def begun(times: int, asker: ScriptedAsker, waiter: Waiter) -> Exchange:
    exchange = Exchange("r1", asker, supervising(waiter.errors.append), waiter)
    exchange.begin(asking(times), "SAE-A", REQUEST)
    return exchange


@pytest.mark.parametrize("times", [0, 1, 2, 50])
def test_replies_that_come_at_once_lead_to_the_answer(times: int) -> None:
    asker, waiter = ScriptedAsker(always(REPLY)), Waiter()
    begun(times, asker, waiter)
    assert waiter.answers == [DONE]
    assert len(asker.asked) == times


def test_replies_that_come_later_lead_to_the_answer() -> None:
    asker, waiter = ScriptedAsker(), Waiter()
    begun(2, asker, waiter)
    assert waiter.answers == []
    asker.release(REPLY)
    assert len(asker.held) == 1
    asker.release(REPLY)
    assert waiter.answers == [DONE]


def test_an_answer_that_needs_nobody_is_given_at_once() -> None:
    asker, waiter = ScriptedAsker(), Waiter()
    Exchange("r1", asker, supervising(waiter.errors.append), waiter).begin(lambda *_: DONE, "SAE-A", REQUEST)
    assert (waiter.answers, asker.asked) == ([DONE], [])


@invariant("Z5")
def test_who_gives_up_is_forgotten_once_and_a_late_key_is_wiped() -> None:
    asker, waiter, late = ScriptedAsker(), Waiter(), key(FIRST_ID, bytes(32))
    exchange = begun(1, asker, waiter)
    exchange.abandon()
    exchange.abandon()
    asker.release(KeyDelivered("r1", (late,)))
    assert asker.forgotten == ["r1"]
    assert late.material.is_wiped
    assert (waiter.answers, waiter.failures) == ([], 0)


def test_an_exchange_that_has_ended_has_nobody_to_forget() -> None:
    asker, waiter = ScriptedAsker(always(REPLY)), Waiter()
    begun(1, asker, waiter).abandon()
    assert asker.forgotten == []


@invariant("Z9")
def test_a_reply_that_the_face_cannot_bear_fails_that_exchange() -> None:
    asker, waiter = ScriptedAsker(), Waiter()
    begun(1, asker, waiter)
    asker.release(PoolUnknown("of somebody else"))
    assert (waiter.answers, waiter.failures) == ([], 1)
    assert isinstance(waiter.errors[0], AssertionError)
    assert asker.forgotten == ["r1"]


def test_a_second_reply_to_a_question_is_wiped() -> None:
    asker, waiter, twice = ScriptedAsker(), Waiter(), key(FIRST_ID, bytes(32))
    exchange = begun(1, asker, waiter)
    asker.release(REPLY)
    second: Message = KeyDelivered("r1", (twice,))
    exchange.replied(second)
    assert waiter.answers == [DONE]
    assert twice.material.is_wiped
