"""Lines and satellites laid out: as few spans as give enough key, with a rate that falls by a tenth every 10 dB."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.design.layout import (
    MOST_SPANS,
    PASS_RULE,
    SHORTEST_SPAN,
    SPAN_RULE,
    WHOLE_RULE,
    Laid,
    lay_passes,
    lay_spans,
    lay_whole,
)
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.medium import SATELLITE, Satellite
from keytwin.vocabulary.units import Kilometres, minutes
from tests.design.cases import APART, LEO, case, device, line
from tests.fakes.rates import PASSES, rate_by_loss

BOX = device("box", "decoy-bb84")


def spans(length: float, wanted: float, longest: float | None = None, extra: float = 0.0) -> Laid:
    limit = None if longest is None else Kilometres(longest)
    return lay_spans(line("a--b", length, "Owner", extra), BOX, rate_by_loss, wanted, limit)


def test_a_whole_line_is_one_link_without_relays() -> None:
    laid = lay_whole(line("a--b", 50), BOX, rate_by_loss)
    assert (laid.channel, laid.relays, laid.rule) == ("a--b", (), WHOLE_RULE)
    assert laid.rates == pytest.approx((1e5,))


def test_a_whole_line_beyond_reach_is_a_mistake_with_its_reason() -> None:
    with pytest.raises(Mistake, match=r"no key at 24.0 dB"):
        lay_whole(line("a--b", 120), BOX, rate_by_loss)


@pytest.mark.parametrize(
    ("length", "wanted", "count"),
    [(50, 1e5, 1), (50, 1.1e5, 2), (100, 1e5, 2), (200, 1.0, 2), (201, 1.0, 3), (200, 1e4, 2), (200, 1e5, 4)],
)
def test_a_line_is_cut_into_the_fewest_spans_that_give_enough(length: float, wanted: float, count: int) -> None:
    laid = spans(length, wanted)
    assert len(laid.links) == len(laid.rates) == count
    assert len(laid.relays) == count - 1
    assert sum(each.length for each in laid.links) == pytest.approx(length)


@pytest.mark.parametrize(("longest", "count"), [(100, 1), (50, 2), (49, 3), (2, 50)])
def test_no_span_is_longer_than_what_is_asked_for(longest: float, count: int) -> None:
    laid = spans(100, 1.0, longest)
    assert len(laid.links) == count
    assert max(each.length for each in laid.links) <= longest


def test_where_no_cut_gives_enough_the_best_is_taken() -> None:
    """Connectors cost 5 dB in each span: what is wanted is never given, and the shortest spans give most."""
    laid = spans(100, 1e6, extra=5.0)
    assert len(laid.links) == 100 / SHORTEST_SPAN
    assert laid.rates[0] == pytest.approx(10 ** (6 - 0.6))


def test_a_long_line_has_no_more_spans_than_a_route_may_have_hops() -> None:
    assert len(spans(5_000, 1e6).links) == MOST_SPANS


def test_where_no_span_gives_key_the_reason_is_that_of_the_shortest() -> None:
    with pytest.raises(Mistake, match=r"no key at 26.0 dB"):
        spans(100, 1.0, extra=25.0)


def test_relays_are_named_after_their_line_and_belong_to_its_owner() -> None:
    laid = lay_spans(line("a--b", 150, "Owner", name="north"), BOX, rate_by_loss, 1e5, None)
    assert laid.relays == ("a-b-north.1", "a-b-north.2")
    assert [each.ends for each in laid.links] == [
        ("a", "a-b-north.1"),
        ("a-b-north.1", "a-b-north.2"),
        ("a-b-north.2", "b"),
    ]
    assert (laid.owner, laid.rule, laid.channel) == ("Owner", SPAN_RULE, "a--b/north")


def test_a_name_too_long_for_a_relay_is_a_mistake_that_says_what_to_do() -> None:
    with pytest.raises(Mistake, match="shorten the names of its line"):
        lay_spans(line(f"{'a' * 40}--{'b' * 40}", 150, ""), BOX, rate_by_loss, 1.0, None)


def test_a_loss_of_its_own_is_written_only_where_connectors_add_to_the_fibre() -> None:
    assert lay_whole(line("a--b", 50), BOX, rate_by_loss).links[0].total_loss is None
    assert lay_whole(line("a--b", 50, extra=2.0), BOX, rate_by_loss).links[0].total_loss == pytest.approx(12.0)


# --- satellites -----------------------------------------------------------------------------------------------------


def test_a_satellite_is_a_trusted_node_above_each_site() -> None:
    laid = lay_passes(case(sites=APART), LEO, BOX, rate_by_loss)
    assert (laid.relays, laid.owner, laid.rule, laid.rates) == (("leo",), "Agency", PASS_RULE, (PASSES, PASSES))
    assert [set(each.ends) for each in laid.links] == [{"a", "leo"}, {"b", "leo"}]
    assert {each.medium for each in laid.links} == {SATELLITE}


def test_each_site_is_passed_later_than_the_one_before() -> None:
    laid = lay_passes(case(sites=APART), LEO, BOX, rate_by_loss)
    begun = [each.setting.first for each in laid.links if isinstance(each.setting, Satellite)]
    assert begun == [minutes(1), minutes(91)]


def test_only_sites_that_are_named_or_want_keys_are_passed() -> None:
    hut = replace(APART[0], id=NodeId("hut"), is_endpoint=False)
    laid = lay_passes(case(sites=(*APART, hut)), LEO, BOX, rate_by_loss)
    assert not [each for each in laid.links if "hut" in each.ends]
    named = lay_passes(case(sites=(*APART, hut)), replace(LEO, sites=(hut.id,)), BOX, rate_by_loss)
    assert [set(each.ends) for each in named.links] == [{"hut", "leo"}]
