"""Watching a link: stock reports on change, and active tests that prove both ends hold the same key (paper B, 3.2)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement.kmlink import account
from keytwin.keymanagement.pads import Use
from keytwin.keymanagement.watch import (
    ANSWER_WITHIN,
    NEVER_AGAIN,
    TRUSTED,
    ProbeDue,
    ProbeLost,
    ReportDue,
    Watch,
)
from keytwin.vocabulary.blueprint import MonitoringSettings
from keytwin.vocabulary.errors import TagMismatch
from keytwin.vocabulary.events import LinkProbed
from keytwin.vocabulary.link_messages import ProbeAnswered, ProbeLink, ProbeReported, StockReported
from keytwin.vocabulary.machine import Effect
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.keymanagement.parts import AB, START, STORE, A, B, joined, later, published, sent, started
from tests.marks import invariant

SETTINGS = MonitoringSettings(probe_period=seconds(10), report_period=seconds(1))


def watches(stock: int = 1_000) -> tuple[Watch, Watch]:
    first, second = joined(AB, stock)
    return Watch(A, first, SETTINGS), Watch(B, second, SETTINGS)


def probe(first: Watch, now: Instant = START) -> ProbeLink:
    (message,) = sent(first.on_probe_due(now), ProbeLink)
    return message


def answer(second: Watch, question: ProbeLink) -> ProbeAnswered:
    (message,) = sent(second.on_probe_link(question), ProbeAnswered)
    return message


def round_trips(tester: Watch, answerer: Watch, number: int, delay: Duration = milliseconds(1)) -> list[Effect]:
    """Let so many tests be answered; return the effects at the tester of the last answer."""
    effects: list[Effect] = []
    for _ in range(number):
        effects = tester.on_probe_answered(answer(answerer, probe(tester)), later(delay))
    return effects


def lose(tester: Watch) -> list[Effect]:
    return tester.on_probe_lost(ProbeLost(AB, probe(tester).sequence))


def test_both_nodes_begin_with_a_test_each_period() -> None:
    for watch in watches():
        assert started(watch.begin()) == {f"{AB}/probe": seconds(10)}
        effects = watch.on_probe_due(START)
        assert started(effects) == {f"{AB}/probe": seconds(10), f"{AB}/probe/1": ANSWER_WITHIN}
    assert ProbeDue(AB).link == AB


def test_the_second_node_stands_by_once_its_own_tests_are_answered() -> None:
    first, second = watches()
    round_trips(second, first, TRUSTED - 1)
    assert started(second.on_probe_link(probe(first))) == {}
    round_trips(second, first, 1)
    assert started(second.on_probe_link(probe(first))) == {f"{AB}/probe": seconds(15)}
    lose(second)
    assert started(second.on_probe_link(probe(first))) == {}


def test_the_first_node_never_stands_by() -> None:
    first, second = watches()
    round_trips(first, second, TRUSTED)
    assert started(first.on_probe_link(probe(second))) == {}


def test_after_a_lost_test_the_next_follows_at_once_but_not_for_ever() -> None:
    first, _ = watches()
    again = [started(lose(first)).get(f"{AB}/probe") for _ in range(NEVER_AGAIN + 1)]
    assert again == [milliseconds(1)] * (NEVER_AGAIN - 1) + [None, None]


@pytest.mark.parametrize("tester", [0, 1])
def test_either_node_finds_a_dead_neighbour_within_three_periods(tester: int) -> None:
    pair = watches()
    watch, other = pair[tester], pair[1 - tester]
    round_trips(watch, other, TRUSTED)
    now: int = started(watch.on_probe_link(probe(other))).get(f"{AB}/probe", seconds(10))
    for _ in range(NEVER_AGAIN):
        now += ANSWER_WITHIN + started(lose(watch)).get(f"{AB}/probe", 0)
    assert watch.lost == NEVER_AGAIN
    assert now < 3 * seconds(10)


def test_of_steady_answers_only_every_eighth_is_reported() -> None:
    first, second = watches()
    reported = [bool(sent(round_trips(first, second, 1), ProbeReported)) for _ in range(3 * TRUSTED)]
    assert reported == [True] * TRUSTED + ([False] * (TRUSTED - 1) + [True]) * 2


def test_an_answer_is_reported_after_a_loss_and_when_the_delay_has_changed() -> None:
    first, second = watches()
    round_trips(first, second, TRUSTED + 1)
    assert sent(round_trips(first, second, 1, milliseconds(3)), ProbeReported) != []
    assert sent(round_trips(first, second, 1, milliseconds(4)), ProbeReported) == []
    lose(first)
    assert sent(round_trips(first, second, 1, milliseconds(4)), ProbeReported) != []


def test_an_answer_tells_the_delay_there_and_back() -> None:
    first, second = watches()
    effects = first.on_probe_answered(answer(second, probe(first)), later(milliseconds(7)))
    assert sent(effects, ProbeReported) == [ProbeReported(AB, A, 1, milliseconds(7), Bits(8 * 968))]
    assert published(effects, LinkProbed) == [LinkProbed(A, AB, milliseconds(7))]
    assert not first.sent_at
    assert first.on_probe_lost(ProbeLost(AB, 1)) == []


def test_no_answer_in_time_is_reported_as_lost_and_a_late_one_counts_for_nothing() -> None:
    first, second = watches()
    late = answer(second, probe(first))
    (report,) = sent(first.on_probe_lost(ProbeLost(AB, 1)), ProbeReported)
    assert report.delay is None
    assert sent(first.on_probe_answered(late, later(seconds(3))), ProbeReported) == []


def test_a_test_costs_a_tag_key_in_each_direction_and_is_booked() -> None:
    first, second = watches()
    first.on_probe_answered(answer(second, probe(first)), START)
    for watch in (first, second):
        for sender in (A, B):
            books = account(watch.kmlink, sender)
            assert (books.tag, books.stored, books.balance) == (KEY_OCTETS, 968, 0)


@invariant("R2")
def test_a_repeated_question_is_not_answered_again() -> None:
    first, second = watches()
    question = probe(first)
    answer(second, question)
    assert second.on_probe_link(question) == []


@invariant("R1")
@pytest.mark.parametrize("changed", [{"sequence": 9}, {"floor": 8}, {"tag": bytes(16)}])
def test_a_wrong_tag_is_a_violation_and_spends_nothing(changed: dict[str, object]) -> None:
    first, second = watches()
    question = probe(first)
    with pytest.raises(TagMismatch):
        second.on_probe_link(replace(question, **changed))
    assert (second.kmlink.incoming.floor, second.kmlink.incoming.stock) == (0, 1_000)
    answer(second, question)


def test_copies_that_differ_are_noticed_by_the_next_test() -> None:
    first, second = watches()
    second.kmlink.incoming.spend(0, 1, Use.WASTED)  # an octet has turned to 0
    second.kmlink.incoming._ranges.clear()
    second.kmlink.incoming._offsets.clear()
    with pytest.raises(TagMismatch):
        second.on_probe_link(probe(first))


def test_without_key_there_is_nothing_to_test_with() -> None:
    first, second = watches(stock=KEY_OCTETS - 1)
    effects = first.on_probe_due(START)
    assert sent(effects, ProbeLink) == []
    assert started(effects) == {f"{AB}/probe": seconds(10)}
    assert second.sequence == 0


def test_without_key_of_its_own_the_neighbour_stays_silent() -> None:
    first, second = watches(stock=40)
    second.kmlink.out.take(20, Use.PAD)
    assert sent(second.on_probe_link(probe(first)), ProbeAnswered) == []
    assert second.kmlink.incoming.stock == 8


def test_a_stock_is_reported_when_it_has_changed_notably_and_not_more_often_than_once_a_period() -> None:
    first, _ = watches(stock=800)
    assert started(first.note_stock()) == {f"{AB}/report": seconds(1)}
    assert first.note_stock() == []
    (report,) = sent(first.on_report_due(), StockReported)
    assert (report.stock, report.capacity) == (6_400, 8 * STORE)
    first.kmlink.out.take(100, Use.PAD)
    assert first.note_stock() == []
    first.kmlink.out.take(1, Use.PAD)
    assert started(first.note_stock()) == {f"{AB}/report": seconds(1)}
    assert ReportDue(AB).link == AB


def test_the_end_of_a_stock_is_reported() -> None:
    first, _ = watches(stock=100)
    first.note_stock()
    first.on_report_due()
    first.kmlink.out.take(100, Use.PAD)
    first.note_stock()
    (report,) = sent(first.on_report_due(), StockReported)
    assert report.stock == 0
    assert first.note_stock() == []
