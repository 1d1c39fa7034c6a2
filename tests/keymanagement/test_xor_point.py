"""The central point by itself: it sums up what it was told, in whatever order, and keeps no more than it must."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement import xor_point
from keytwin.keymanagement.xor_point import KEPT, ForgetDue, XorPoint
from keytwin.runtime.bus_codec import Codec
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.identity import km_of
from keytwin.vocabulary.machine import Effect, Message, Send
from keytwin.vocabulary.operator_messages import CheckHealth
from keytwin.vocabulary.point_messages import AskSum, XorAnnounced, XorSummed
from keytwin.vocabulary.topology import MOST_HOPS
from keytwin.vocabulary.units import Duration
from tests.keymanagement.parts import START, A, B, C, later, sent, started
from tests.marks import invariant

ASK = AskSum(C, b"tag 3", 3)


def chain(number: int = 3, seed: int = 1, size: int = 4, name: str = "tag") -> list[XorAnnounced]:
    """Return what so many nodes in a row announce."""
    dice = random.Random(seed)
    tags = [f"{name} {index}".encode() for index in range(number + 1)]
    return [XorAnnounced(B, tags[index], tags[index + 1], dice.randbytes(size)) for index in range(number)]


def total(told: list[XorAnnounced]) -> bytes:
    summed = 0
    for each in told:
        summed ^= int.from_bytes(each.xor, "big")
    return summed.to_bytes(len(told[0].xor), "big")


def heard(point: XorPoint, *messages: Message) -> list[Effect]:
    return [effect for message in messages for effect in point.receive(message, START)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_sum_is_told_once_all_are_in_whatever_the_order(order: tuple[int, ...]) -> None:
    point = XorPoint()
    messages: list[Message] = [*chain(), ASK]
    effects: list[Effect] = []
    for count, place in enumerate(order, 1):
        effects += point.receive(messages[place], START)
        assert len(sent(effects, XorSummed)) == (count == 4)
    (told,) = [effect for effect in effects if isinstance(effect, Send)]
    assert told == Send(km_of(C), XorSummed(b"tag 3", total(chain())))


def test_a_repeated_question_gets_the_same_answer_and_a_repeated_announcement_changes_nothing() -> None:
    point = XorPoint()
    other = XorAnnounced(A, b"elsewhere", b"tag 2", bytes(4))
    (first,) = sent(heard(point, *chain(), other, ASK), XorSummed)
    (again,) = sent(heard(point, *chain(), ASK), XorSummed)
    assert first == again == XorSummed(b"tag 3", total(chain()))


def test_questions_that_come_twice_before_the_answer_are_answered_once() -> None:
    assert len(sent(heard(XorPoint(), ASK, ASK, *chain()), XorSummed)) == 1


def test_ways_do_not_mix() -> None:
    point = XorPoint()
    one, other = chain(2, 1, name="one"), chain(3, 2, name="other")
    told = sent(heard(point, *one, *other, AskSum(A, b"one 2", 2), AskSum(C, b"other 3", 3)), XorSummed)
    assert [each.xor for each in told] == [total(one), total(other)]


@given(st.lists(st.sampled_from([*chain(), ASK, AskSum(A, b"tag 2", 2)]), max_size=20))
def test_what_is_told_is_right_however_messages_come(messages: list[Message]) -> None:
    for told in sent(heard(XorPoint(), *messages), XorSummed):
        assert told.xor == total(chain()[:3] if told.went == b"tag 3" else chain()[:2])


@pytest.mark.parametrize("number", [0, -1, MOST_HOPS, 10**9])
def test_a_way_of_no_possible_length_is_passed_over(number: int) -> None:
    point = XorPoint()
    assert not heard(point, AskSum(C, b"tag 3", number))
    assert not point.asking


def test_announcements_of_different_lengths_have_no_sum() -> None:
    odd = XorAnnounced(B, b"tag 0", b"tag 1", bytes(5))
    point = XorPoint()
    assert not sent(heard(point, odd, *chain()[1:], ASK), XorSummed)
    assert not point.asking


def test_a_way_that_leads_in_a_circle_ends() -> None:
    ring = [XorAnnounced(B, b"a", b"b", b"\1"), XorAnnounced(B, b"b", b"a", b"\2")]
    assert sent(heard(XorPoint(), *ring, AskSum(C, b"a", 5)), XorSummed) == [XorSummed(b"a", b"\2")]


def test_what_nobody_waits_for_any_more_is_forgotten() -> None:
    point = XorPoint()
    assert started(heard(point, *chain(), AskSum(A, b"never", 1), AskSum(A, b"nor this", 2))) == {"forget": KEPT}
    assert started(point.receive(ForgetDue(), later(Duration(KEPT - 1)))) == {"forget": KEPT}  # all is there still
    assert not point.receive(ForgetDue(), later(KEPT))
    assert point == XorPoint()


def test_memory_is_bounded_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xor_point, "MOST_OCTETS", 40)
    monkeypatch.setattr(xor_point, "MOST_ANNOUNCEMENTS", 7)
    monkeypatch.setattr(xor_point, "MOST_ASKS", 5)
    point = XorPoint()
    for index in range(100):
        heard(point, *chain(3, index, 4, f"way {index}"), AskSum(C, f"nothing {index}".encode(), 2))
        assert point.octets == sum(len(each.told.xor) for each in point.heard.values()) <= 40
        assert len(point.heard) <= 7
        assert len(point.asking) == sum(map(len, point.missing.values())) <= 5
    assert b"way 99 3" in point.heard
    large = XorAnnounced(B, b"came", b"went", bytes(41))
    heard(point, large)
    assert not point.heard  # beyond the bound it is of no use to anybody
    assert point.octets == 0


def test_it_saves_nothing_and_begins_with_nothing() -> None:
    assert not XorPoint().restore([], START)


def test_it_takes_nothing_else() -> None:
    with pytest.raises(UnexpectedMessage, match="CheckHealth"):
        XorPoint().receive(CheckHealth("a", km_of(A)), START)


@invariant("Z5")
def test_what_goes_over_the_bus_has_no_room_for_key_and_travels_between_processes() -> None:
    codec = Codec(Message)
    for message in (*chain(), ASK, XorSummed(b"tag", b"sum")):
        assert codec.decode(codec.encode(message)) == message
