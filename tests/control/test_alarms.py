"""When monitoring warns of a link and when it takes the warning back: thresholds with hysteresis."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from keytwin.control.alarms import (
    DISABLING,
    FEWEST_PROBES,
    IN_A_ROW,
    PROBES,
    Alarm,
    Watch,
    describe,
    is_noticeable,
    judge,
)
from keytwin.vocabulary.blueprint import MonitoringSettings
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.link_messages import LinkMeasured, LinkPerformance, ProbeReported, StockReported
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Duration, kilobits, milliseconds

LINK: Final = LinkId("a--b")
A, B = NodeId("a"), NodeId("b")
SETTINGS: Final = MonitoringSettings()


def measured(number: int, rate: int = 1000, qber: float = 0.02) -> LinkMeasured:
    return LinkMeasured(LINK, number, BitsPerSecond(rate), qber)


def stocked(node: NodeId, stock: int) -> StockReported:
    return StockReported(LINK, node, Bits(stock), Bits(10**6))


def probed(sequence: int, delay: int | None = 1, node: NodeId = A) -> ProbeReported:
    return ProbeReported(LINK, node, sequence, None if delay is None else Duration(milliseconds(delay)), Bits(0))


def watch(qber: float = 0.02, stock: int = 10**6, lost: int = 0, probes: int = PROBES) -> Watch:
    made = Watch(LINK)
    made.measure(measured(1, qber=qber))
    made.stock(stocked(A, stock))
    made.stock(stocked(B, 10**6))
    for number in range(probes):
        made.probe(probed(number + 1, None if number < lost else 1))
    return made


def judged(alarm: Alarm, made: Watch, *, is_on: bool = False, is_active: bool = True) -> bool | None:
    return judge(alarm, made, SETTINGS, is_on=is_on, is_active=is_active)


# --- figures --------------------------------------------------------------------------------------------------------


def test_rate_and_error_rate_are_smoothed_and_the_latest_error_rate_is_kept_for_the_alarm() -> None:
    made = Watch(LINK)
    for number, rate in enumerate((1000, 2000, 2000), start=1):
        made.measure(measured(number, rate, rate / 10**5))
    assert (made.rate, made.latest_qber) == (1437, 0.02)
    assert made.qber == pytest.approx(0.014375)


def test_a_first_block_without_key_is_smoothed_against_the_registered_rate() -> None:
    made = Watch(LINK)
    made.measure(measured(1, 0), BitsPerSecond(1000))
    assert made.rate == 750
    known = Watch(LINK)
    known.measure(measured(1, 800), BitsPerSecond(1000))
    assert known.rate == 800


def test_a_rate_of_nothing_is_reached_in_the_end() -> None:
    made = watch()
    for number in range(2, 60):
        made.measure(measured(number, 0))
    assert made.rate == 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_block_that_was_overtaken_or_repeated_counts_no_more(number: int) -> None:
    made = Watch(LINK)
    made.measure(measured(2))
    made.measure(measured(number, 9000))
    assert made.rate == 1000


def test_a_probe_that_is_reported_twice_counts_once() -> None:
    made = Watch(LINK)
    for report in (probed(1, None), probed(1, None), probed(2, 3)):
        made.probe(report)
    assert made.lost == 0.5
    assert made.delay == milliseconds(3)


def test_the_ends_are_counted_apart_and_the_worse_one_is_told() -> None:
    made = Watch(LINK)
    for report in (probed(1, None, B), probed(2, 3, B), probed(1), probed(2), probed(3)):
        made.probe(report)
    assert {node: list(tests.losses) for node, tests in made.tests.items()} == {B: [True, False], A: [False] * 3}
    assert made.lost == 0.5


def test_probes_that_are_not_reported_were_answered() -> None:
    made = Watch(LINK)
    for report in (probed(5, None), probed(9, None)):
        made.probe(report)
    assert list(made.tests[A].losses) == [True, False, False, False, True]
    made.probe(probed(10**9))
    assert list(made.tests[A].losses) == [False] * PROBES


def test_a_key_manager_that_restarts_counts_from_one_again() -> None:
    made = Watch(LINK)
    for report in (probed(70, None), probed(1), probed(2)):
        made.probe(report)
    assert list(made.tests[A].losses) == [True, False, False]


def test_only_the_recent_probes_count() -> None:
    made = watch(lost=PROBES)
    for number in range(PROBES):
        made.probe(probed(100 + number))
    assert made.lost == 0


def test_reports_of_nodes_that_are_no_end_are_ignored() -> None:
    made = Watch(LINK)
    made.stock(stocked(NodeId("c"), 5))
    made.probe(probed(1, None, NodeId("c")))
    assert made.stocks == {}
    assert made.lost == 0


def test_the_picture_has_the_stocks_in_the_order_of_the_ends() -> None:
    made = Watch(LINK, heard_at=START)
    made.stock(stocked(B, 7))
    assert made.picture() == LinkPerformance(LINK, START, None, None, (None, Bits(7)), None, 0.0)


# --- judgement ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alarm", "fine", "between", "bad"),
    [
        (Alarm.QBER, watch(qber=0.05), watch(qber=0.076), watch(qber=0.09)),
        (Alarm.STOCK, watch(stock=40_000), watch(stock=20_000), watch(stock=15_000)),
        (Alarm.LOSS, watch(lost=1), watch(lost=3), watch(lost=5)),
    ],
)
def test_an_alarm_comes_above_its_threshold_and_goes_well_below_it(
    alarm: Alarm, fine: Watch, between: Watch, bad: Watch
) -> None:
    assert [judged(alarm, each) for each in (fine, between, bad)] == [False, False, True]
    assert [judged(alarm, each, is_on=True) for each in (fine, between, bad)] == [False, True, True]


def test_nothing_is_judged_on_no_figures() -> None:
    empty = Watch(LINK)
    assert [judged(alarm, empty) for alarm in Alarm] == [None, None, None]


def test_one_lost_probe_is_no_alarm() -> None:
    assert judged(Alarm.LOSS, watch(lost=1, probes=1)) is None
    assert judged(Alarm.LOSS, watch(lost=2, probes=2)) is None
    assert judged(Alarm.LOSS, watch(lost=1, probes=FEWEST_PROBES)) is False


def test_so_many_lost_probes_in_a_row_are_an_alarm_whatever_was_before() -> None:
    made = watch(probes=100)
    for sequence in range(101, 100 + IN_A_ROW):
        made.probe(probed(sequence, None))
        assert judged(Alarm.LOSS, made) is False
    made.probe(probed(100 + IN_A_ROW, None))
    assert judged(Alarm.LOSS, made) is True


def test_an_end_without_key_cannot_answer_which_is_an_alarm_only_when_it_lasts() -> None:
    made = watch()
    made.stock(stocked(B, 255))
    judgements = []
    for sequence in range(PROBES + 1, PROBES + 6):
        made.probe(probed(sequence, None))
        judgements.append(judged(Alarm.LOSS, made))
    assert judgements == [False] * 4 + [True]
    assert not made.tests[A].is_in_vain
    made.stock(stocked(B, 256))
    for sequence in range(20, 20 + IN_A_ROW):
        made.probe(probed(sequence, None))
    assert made.tests[A].is_in_vain


def test_one_end_is_enough_for_an_alarm_and_it_lasts_until_that_end_is_answered() -> None:
    made = watch()
    for sequence in range(1, IN_A_ROW + 1):
        made.probe(probed(sequence, None, B))
    assert judged(Alarm.LOSS, made) is True
    for sequence in range(PROBES + 1, 3 * PROBES):
        made.probe(probed(sequence))
    states = []
    for sequence in range(IN_A_ROW + 1, IN_A_ROW + 8):
        made.probe(probed(sequence, 1, B))
        states.append(judged(Alarm.LOSS, made, is_on=True))
    assert states == [True] * 5 + [False] * 2


def test_a_low_stock_is_an_alarm_only_on_an_active_link_that_has_had_a_block() -> None:
    low = watch(stock=0)
    assert judged(Alarm.STOCK, low, is_active=False) is False
    without_block = Watch(LINK, stocks={A: Bits(0), B: Bits(0)})
    assert judged(Alarm.STOCK, without_block) is None
    one_end = Watch(LINK, rate=BitsPerSecond(1), stocks={A: Bits(0)})
    assert judged(Alarm.STOCK, one_end) is None


def test_what_the_operator_reads_names_the_threshold() -> None:
    assert [describe(alarm, SETTINGS) for alarm in Alarm] == [
        "QBER above 8.0%",
        "active tests unanswered, 3 in a row or more than 50%",
        "stock below 16 kbit",
    ]


def test_a_low_stock_does_not_take_a_link_out_of_use() -> None:
    assert {Alarm.QBER, Alarm.LOSS} == DISABLING


# --- what is worth telling ------------------------------------------------------------------------------------------

PICTURE: Final = LinkPerformance(
    link=LINK,
    at=START,
    rate=BitsPerSecond(1000),
    qber=0.02,
    stocks=(kilobits(100), kilobits(100)),
    delay=milliseconds(10),
    lost=0.0,
)


@pytest.mark.parametrize(
    "changed",
    [
        replace(PICTURE, rate=BitsPerSecond(1060)),
        replace(PICTURE, rate=BitsPerSecond(940)),
        replace(PICTURE, rate=BitsPerSecond(0)),
        replace(PICTURE, rate=None),
        replace(PICTURE, qber=0.022),
        replace(PICTURE, stocks=(kilobits(49), kilobits(100))),
        replace(PICTURE, stocks=(kilobits(100), kilobits(201))),
        replace(PICTURE, delay=milliseconds(21)),
        replace(PICTURE, delay=None),
        replace(PICTURE, lost=0.25),
    ],
)
def test_a_noticeable_change_is_told(changed: LinkPerformance) -> None:
    assert is_noticeable(changed, PICTURE)


@pytest.mark.parametrize(
    "same",
    [
        PICTURE,
        replace(PICTURE, rate=BitsPerSecond(1049)),
        replace(PICTURE, qber=0.0209),
        replace(PICTURE, stocks=(kilobits(51), kilobits(199))),
        replace(PICTURE, delay=milliseconds(19)),
        replace(PICTURE, lost=0.125),
        replace(PICTURE, at=milliseconds(5)),
    ],
)
def test_a_small_change_is_not(same: LinkPerformance) -> None:
    assert not is_noticeable(same, PICTURE)


def test_the_first_picture_is_told() -> None:
    assert is_noticeable(PICTURE, None)
