"""How a link weighs: the metrics that keytwin brings, and what a plug-in may not do."""

from __future__ import annotations

import re
from math import inf, isinf, nan
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.control.metrics import (
    HIGHEST_QBER,
    LinkView,
    MetricFailed,
    checked,
    hops,
    is_weight,
    key_aware,
    residual,
    weigh,
)
from keytwin.control.routing import METRICS
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.units import Bits, BitsPerSecond

FRESH: Final = LinkView(LinkId("a--b"), (NodeId("a"), NodeId("b")), BitsPerSecond(100_000), 0.01)
RICH: Final = replace(FRESH, stocks=(Bits(10**7), Bits(10**7)))


def loaded(first: int, second: int = 0) -> LinkView:
    return replace(RICH, reserved=(BitsPerSecond(first), BitsPerSecond(second)))


def test_the_registry_holds_all() -> None:
    assert {"hops": hops, "key-aware": key_aware, "residual": residual} == METRICS


def test_hops_counts_links_whatever_they_are() -> None:
    assert hops(FRESH) == hops(replace(FRESH, rate=BitsPerSecond(1), qber=0.5)) == 1


def test_residual_is_the_inverse_of_the_rate_that_is_left_each_way() -> None:
    assert residual(FRESH) == pytest.approx(1 / 50)
    assert residual(loaded(10_000, 25_000)) == pytest.approx(1 / 25)
    assert residual(loaded(50_000)) == residual(loaded(0, 60_000)) == inf
    assert residual(replace(FRESH, rate=BitsPerSecond(0))) == inf


def test_load_is_that_of_the_fuller_direction() -> None:
    assert loaded(10_000, 25_000).load == 0.5
    assert replace(FRESH, rate=BitsPerSecond(0)).load == 1


def test_an_unknown_stock_counts_as_none() -> None:
    assert FRESH.stock == 0
    assert replace(FRESH, stocks=(Bits(7), Bits(3))).stock == 3


def test_a_good_link_weighs_little_above_a_hop() -> None:
    assert 1 < key_aware(RICH) < 1.3


@pytest.mark.parametrize(
    "worse",
    [
        loaded(25_000),
        loaded(0, 25_000),
        replace(RICH, rate=BitsPerSecond(5_000)),
        replace(RICH, qber=0.05),
        replace(RICH, stocks=(Bits(10**7), Bits(1000))),
        replace(RICH, stocks=(None, Bits(10**7))),
        replace(RICH, lost=0.5),
    ],
)
def test_load_slowness_errors_and_an_empty_stock_weigh(worse: LinkView) -> None:
    assert key_aware(RICH) < key_aware(worse) < inf


@pytest.mark.parametrize(
    "useless", [loaded(50_000), replace(RICH, rate=BitsPerSecond(0)), replace(RICH, qber=HIGHEST_QBER)]
)
def test_a_link_without_key_to_give_is_shut_out(useless: LinkView) -> None:
    assert isinf(key_aware(useless))


RATES: Final = st.integers(0, 10**7).map(BitsPerSecond)
STOCKS: Final = st.none() | st.integers(0, 10**9).map(Bits)
VIEWS: Final = st.builds(
    LinkView,
    link=st.just(FRESH.link),
    ends=st.just(FRESH.ends),
    rate=RATES,
    qber=st.floats(0, 0.5),
    stocks=st.tuples(STOCKS, STOCKS),
    reserved=st.tuples(RATES, RATES),
    lost=st.floats(0, 1),
)


@given(VIEWS)
def test_what_keytwin_brings_always_gives_a_weight(view: LinkView) -> None:
    for metric in METRICS.values():
        assert is_weight(metric(view))


@given(VIEWS, st.integers(1, 10**6))
def test_more_load_never_weighs_less(view: LinkView, more: int) -> None:
    heavier = replace(view, reserved=(BitsPerSecond(view.reserved[0] + more), view.reserved[1]))
    assert key_aware(heavier) >= key_aware(view)


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_proper_metric_is_taken_as_it_is(metric: object) -> None:
    assert callable(metric)
    assert checked(metric) is metric


@pytest.mark.parametrize("answer", [nan, -1.0, -inf, None, "1", 1j])
def test_a_metric_that_gives_no_weight_is_a_mistake_from_the_start(answer: object) -> None:
    def odd(_: LinkView) -> object:
        return answer

    said = rf"routing metric odd gives {re.escape(repr(answer))} for LinkView.*: return a number from 0 up, or infinity"
    with pytest.raises(Mistake, match=said):
        checked(odd)  # type: ignore[arg-type]  # a plug-in's author has no type checker


def test_a_metric_that_divides_by_an_unmeasured_figure_is_a_mistake_from_the_start() -> None:
    with pytest.raises(Mistake, match=r"raises ZeroDivisionError: .*division by zero"):
        checked(lambda view: 1 / view.rate)


def test_infinity_is_a_weight_that_shuts_out() -> None:
    assert checked(lambda _: inf)(FRESH) == inf


@pytest.mark.parametrize(
    ("error", "said"),
    [(OverflowError("too much"), "OverflowError: too much"), (MetricFailed("OSError: no map"), "OSError: no map")],
)
def test_what_a_metric_raises_is_told_by_its_name_and_text(error: Exception, said: str) -> None:
    def broken(_: LinkView) -> float:
        raise error

    assert weigh(broken, FRESH) == f"raises {said}"


def test_what_can_be_added_up_is_a_weight() -> None:
    assert [is_weight(each) for each in (0, 2, 0.5, inf)] == [True] * 4
    assert [is_weight(each) for each in (nan, -1, None, "1", 1j, [1])] == [False] * 6
