"""Lines and satellites as links: how many spans, where relays stand, and what each link loses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.layout import MOST_SPANS, PASS_RULE, SPAN_RULE, WHOLE_RULE, lay_passes, lay_spans, lay_whole
from keytwin.design.need import Line, Orbiter
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.medium import SATELLITE, Satellite
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Kilometres, hours, minutes
from tests.design.cases import APART, case, device, line
from tests.fakes.rates import FULL, REACH, rate_by_loss

BOX = device("box", "any")


def lengths(subject: Line, wanted: float = 1.0, longest: float | None = None) -> list[float]:
    limit = None if longest is None else Kilometres(longest)
    return [round(link.length, 6) for link in lay_spans(subject, BOX, rate_by_loss, wanted, limit).links]


def test_a_whole_line_is_one_link_with_its_own_name_and_no_relay() -> None:
    laid = lay_whole(line("a--b", 50.0, name="north"), BOX, rate_by_loss)
    (link,) = laid.links
    assert (link.id, link.device, link.length, link.total_loss) == ("a--b/north", "box", 50.0, None)
    assert (laid.relays, laid.owner, laid.rule, laid.channel) == ((), "", WHOLE_RULE, "a--b/north")
    assert list(laid.rates) == pytest.approx([FULL / 10])


def test_a_whole_line_without_key_is_a_mistake_with_the_physical_reason() -> None:
    with pytest.raises(Mistake, match=r"no key at 20\.2 dB: it reaches 20 dB"):
        lay_whole(line("a--b", 101.0), BOX, rate_by_loss)


@pytest.mark.parametrize(
    ("length", "wanted", "longest", "spans"),
    [
        (100.0, 1.0, None, 1),  # 20 dB just give key
        (100.1, 1.0, None, 2),
        (100.0, 1.0, 100.0, 1),
        (100.0, 1.0, 99.9, 2),
        (100.0, 1.0, 30.0, 4),
        (100.0, FULL / 10, None, 2),  # 10 dB each
        (100.0, FULL / 10 + 1, None, 3),
        (3.0, FULL, None, 1),  # not cut below five kilometres, whatever is wanted
        (9.9, FULL, None, 1),
        (10.0, FULL, None, 2),
    ],
)
def test_as_few_spans_as_reach_and_give_enough(length: float, wanted: float, longest: float | None, spans: int) -> None:
    found = lengths(line("a--b", length, relays=""), wanted, longest)
    assert len(found) == spans
    assert found == [pytest.approx(length / spans)] * spans


def test_relays_stand_between_the_spans_and_are_called_after_their_line() -> None:
    laid = lay_spans(line("a--b", 250.0, relays="Telco", name="south"), BOX, rate_by_loss, 1.0, None)
    assert laid.relays == ("a-b-south.1", "a-b-south.2")
    assert [link.id for link in laid.links] == ["a--a-b-south.1", "a-b-south.1--a-b-south.2", "a-b-south.2--b"]
    assert (laid.owner, laid.rule, laid.channel) == ("Telco", SPAN_RULE, "a--b/south")


def test_a_line_that_needs_no_relay_keeps_its_name() -> None:
    (link,) = lay_spans(line("a--b", 50.0, relays="", name="south"), BOX, rate_by_loss, 1.0, None).links
    assert link.id == "a--b/south"


def test_connectors_cost_every_span() -> None:
    laid = lay_spans(line("a--b", 150.0, relays="", extra=2.0), BOX, rate_by_loss, 1.0, None)
    assert [link.total_loss for link in laid.links] == [17.0, 17.0]
    assert list(laid.rates) == pytest.approx([FULL * 10**-1.7] * 2)


def test_a_line_that_gives_no_key_in_the_shortest_spans_says_why() -> None:
    with pytest.raises(Mistake, match=r"no key at 26\.0 dB"):
        lay_spans(line("a--b", 25.0, relays="", extra=25.0), BOX, rate_by_loss, 1.0, None)


def test_names_that_would_be_too_long_are_refused_with_the_remedy() -> None:
    long = line(f"{'a' * 40}--{'b' * 40}", 150.0, relays="")
    with pytest.raises(Mistake, match="more than 64 characters: shorten the names of its line"):
        lay_spans(long, BOX, rate_by_loss, 1.0, None)


@given(
    st.floats(1.0, 3_000.0),
    st.floats(0.0, FULL),
    st.one_of(st.none(), st.floats(10.0, 200.0)),
)
def test_spans_add_up_to_the_line_and_are_never_too_long(length: float, wanted: float, longest: float | None) -> None:
    found = lengths(line("a--b", length, relays=""), wanted, longest)
    assert sum(found) == pytest.approx(length, rel=1e-6)
    assert max(found) * 0.2 <= REACH + 1e-4
    if longest is not None:
        assert max(found) <= longest + 1e-6
    assert len(found) <= max(MOST_SPANS, -int(-length // (longest or length)))


@given(st.floats(20.0, 900.0), st.floats(1.0, FULL / 2), st.floats(1.1, 3.0))
def test_who_wants_more_never_gets_fewer_spans(length: float, wanted: float, more: float) -> None:
    subject = line("a--b", length, relays="")
    assert len(lengths(subject, wanted)) <= len(lengths(subject, wanted * more))


def passes(satellite: Orbiter) -> tuple[QLink, ...]:
    return lay_passes(case(sites=APART, satellites=(satellite,)), satellite, BOX, rate_by_loss).links


def test_a_satellite_passes_each_site_in_its_turn() -> None:
    leo = Orbiter(NodeId("leo"), "Agency", Satellite(first=minutes(5), period=hours(12)), minutes(90))
    first, second = passes(leo)
    assert (first.id, second.id, first.medium) == ("a--leo", "b--leo", SATELLITE)
    assert isinstance(first.setting, Satellite)
    assert isinstance(second.setting, Satellite)
    assert (first.setting.first, second.setting.first) == (minutes(5), minutes(95))
    assert first.setting.period == second.setting.period == hours(12)


def test_a_satellite_passes_only_the_sites_it_is_said_to() -> None:
    (only,) = passes(Orbiter(NodeId("leo"), sites=(NodeId("b"),)))
    assert only.id == "b--leo"


def test_a_satellite_is_a_relay_of_its_owner_and_one_channel() -> None:
    leo = Orbiter(NodeId("leo"), "Agency")
    laid = lay_passes(case(sites=APART, satellites=(leo,)), leo, BOX, rate_by_loss)
    assert (laid.relays, laid.owner, laid.channel, laid.rule) == (("leo",), "Agency", "leo", PASS_RULE)


def test_a_satellite_without_key_over_one_site_is_told() -> None:
    def dark(link: QLink, device: Device) -> float:
        if link.id == "b--leo":
            raise Mistake("too much cloud over b")
        return rate_by_loss(link, device)

    leo = Orbiter(NodeId("leo"))
    with pytest.raises(Mistake, match="too much cloud over b"):
        lay_passes(case(sites=APART, satellites=(leo,)), leo, BOX, dark)
