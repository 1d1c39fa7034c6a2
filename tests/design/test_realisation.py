"""A configuration on a stakeholder's sites: spans, relays only where allowed, satellites, and what asked for each."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from msgspec import structs

from keytwin.design.asking import USUAL_RATE
from keytwin.design.need import Assumptions, Need, Orbiter, Priority, Security, Site
from keytwin.design.plan import Plan
from keytwin.design.realisation import INTERWORKING, Layouts, great_circle, realise
from keytwin.design.variability import Configuration
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import DeviceId, NodeId, VariantId, VariationPointId
from keytwin.vocabulary.key import KeyMode
from keytwin.vocabulary.medium import SATELLITE, Direction, Satellite
from keytwin.vocabulary.placement import Placement
from keytwin.vocabulary.units import Kilometres, minutes
from tests.design.cases import APART, GROUND, LEO, RELAYED, SHELF, SKY, case, line, need, plan
from tests.design.ovms import chosen, small_ovm
from tests.fakes.rates import PASSES


def links(subject: Plan) -> list[tuple[str, float]]:
    return [(link.id, round(link.length, 6)) for link in subject.blueprint.topology.links]


def test_a_direct_line_is_one_link_of_the_protocols_device() -> None:
    found = plan(case(line("a--b", 50.0, extra=1.5)), "protocol.decoy-bb84", "q-link.direct", *GROUND)
    (link,) = found.blueprint.topology.links
    assert (link.id, link.device, link.total_loss) == ("a--b", "generic-decoy-bb84", 11.5)
    assert found.rates[link.id] == pytest.approx(1e6 * 10**-1.15)
    assert found.because["a--b"] == (
        "medium.terrestrial",
        "protocol.decoy-bb84",
        "q-link.direct",
        "layout-whole",
    )


def test_a_direct_line_beyond_the_reach_says_the_physical_reason() -> None:
    with pytest.raises(Mistake, match=r"no key at 30\.0 dB: it reaches 20 dB"):
        plan(case(line("a--b", 150.0)), "protocol.decoy-bb84", "q-link.direct", *GROUND)


def test_a_long_line_is_cut_into_as_few_spans_as_give_enough_key() -> None:
    found = plan(case(line("a--b", 150.0, relays="Telco"), needs=(need("key-rate", 10_000.0),)), *RELAYED)
    # Two spans of 75 km and 15 dB give 31,600 bit/s, of which 0.45 can be promised.
    assert links(found) == [("a--a-b.1", 75.0), ("a-b.1--b", 75.0)]
    assert found.owners == {"a-b.1": "Telco"}
    assert "a-b.1" in found.relays
    assert found.because["a-b.1"] == ("q-link.trusted-relay", "layout-span")
    more = plan(case(line("a--b", 150.0, relays="Telco"), needs=(need("key-rate", 25_000.0),)), *RELAYED)
    assert len(more.blueprint.topology.links) == 3


def test_a_demand_that_no_span_meets_gets_the_most_there_is() -> None:
    found = plan(case(line("a--b", 20.0, relays=""), needs=(need("key-rate", 1e9),)), *RELAYED)
    assert len(found.blueprint.topology.links) == 4  # of 5 km, below which nothing is cut
    assert min(found.rates.values()) < 1e9


def test_the_span_that_a_case_assumes_is_never_exceeded() -> None:
    subject = case(line("a--b", 150.0, relays=""), assume=Assumptions(span=Kilometres(40.0)))
    assert links(plan(subject, *RELAYED)) == [
        ("a--a-b.1", 37.5),
        ("a-b.1--a-b.2", 37.5),
        ("a-b.2--a-b.3", 37.5),
        ("a-b.3--b", 37.5),
    ]


def test_relays_of_others_stand_only_where_no_need_forbids_them() -> None:
    strict = (need("key-rate", 1_000.0), need("third-party-relays", 0.0))
    with pytest.raises(Mistake, match=r"no key at 30\.0 dB"):
        plan(case(line("a--b", 150.0, relays="Telco"), needs=strict), *RELAYED)
    assert len(plan(case(line("a--b", 150.0, relays=""), needs=strict), *RELAYED).relays) == 3
    wished = (need("key-rate", 1_000.0), need("third-party-relays", 0.0, priority=Priority.SHOULD))
    assert len(plan(case(line("a--b", 150.0, relays="Telco"), needs=wished), *RELAYED).owners) == 1


def test_sites_of_others_relay_only_with_trusted_relays() -> None:
    subject = case(line("a--b", 10.0), line("b--c", 10.0), sites=(Site(NodeId("b"), owner="Telco", is_endpoint=False),))
    direct = plan(subject, "protocol.decoy-bb84", "q-link.direct", *GROUND)
    assert direct.relays == {"a", "c"}
    assert plan(subject, *RELAYED).relays == {"a", "b", "c"}
    assert [node.id for node in direct.blueprint.topology.nodes] == ["b", "a", "c"]


def test_two_lines_between_the_same_sites_are_two_channels() -> None:
    subject = case(line("a--b", 80.0, name="north", relays=""), line("a--b", 150.0, name="south", relays=""))
    found = plan(subject, *RELAYED)
    assert found.channels == {
        "a--b/north": ("a--b/north",),
        "a--b/south": ("a--a-b-south.1", "a-b-south.1--b"),
    }


def test_a_satellite_is_a_trusted_node_above_each_site_in_its_turn() -> None:
    found = plan(case(sites=APART, satellites=(LEO,)), "protocol.decoy-bb84", "q-link.direct", *SKY)
    first, second = found.blueprint.topology.links
    assert (first.id, first.medium, first.device) == ("a--leo", SATELLITE, "satellite-decoy-bb84")
    assert [link.setting for link in (first, second)] == [
        structs.replace(LEO.passes, first=minutes(1)),
        structs.replace(LEO.passes, first=minutes(91)),
    ]
    assert set(found.rates.values()) == {PASSES}
    assert found.owners == {"leo": "Agency"}
    assert found.channels == {"leo": ("a--leo", "b--leo")}
    assert found.distances[NodeId("a"), NodeId("b")] == pytest.approx(7_200, rel=0.05)
    assert found.blueprint.control.monitoring.probe_period == minutes(60)


def test_only_a_constellation_is_more_than_the_first_satellite() -> None:
    two = (LEO, Orbiter(NodeId("second")))
    subject = case(sites=APART, satellites=two)
    assert list(plan(subject, "protocol.decoy-bb84", "q-link.direct", *SKY).channels) == ["leo"]
    constellation = ("medium.satellite", "free-space.constellation")
    assert list(plan(subject, "protocol.decoy-bb84", "q-link.direct", *constellation).channels) == ["leo", "second"]


def test_the_case_study_runs_over_a_repeater_on_the_ground_and_bb84_in_the_sky() -> None:
    subject = case(
        line("a--b", 90.0),
        satellites=(LEO,),
        sites=APART,
        assume=Assumptions(devices=MappingProxyType({VariantId("medium.satellite"): DeviceId("satellite-decoy-bb84")})),
    )
    chosen = {VariationPointId("protocol"): (VariantId("protocol.bb84"),)}
    found = plan(replace(subject, choose=MappingProxyType(chosen)), "protocol.bb84", "q-link.repeater", *GROUND, *SKY)
    # Left open, a device of another protocol says nothing of this one.
    left_open = plan(subject, "protocol.bb84", "q-link.repeater", *GROUND, *SKY)
    assert [link.device for link in left_open.blueprint.topology.links] == ["chain", "generic-bb84", "generic-bb84"]
    assert [(link.id, link.device) for link in found.blueprint.topology.links] == [
        ("a--b", "chain"),
        ("a--leo", "satellite-decoy-bb84"),
        ("b--leo", "satellite-decoy-bb84"),
    ]
    assert found.because["a--b"][1:] == ("protocol.bb84", "q-link.repeater", "layout-whole")


def test_a_device_of_the_case_wins_over_the_first_that_fits() -> None:
    other = Assumptions(devices=MappingProxyType({VariantId("protocol.decoy-bb84"): DeviceId("other-decoy-bb84")}))
    found = plan(case(line("a--b", 10.0), assume=other), "protocol.decoy-bb84", "q-link.direct", *GROUND)
    assert found.blueprint.topology.links[0].device == "other-decoy-bb84"
    unknown = Assumptions(devices=MappingProxyType({VariantId("protocol.decoy-bb84"): DeviceId("mine")}))
    with pytest.raises(Mistake, match="device 'mine' is not at hand: choose one of satellite-decoy-bb84, generic"):
        plan(case(line("a--b", 10.0), assume=unknown), "protocol.decoy-bb84", "q-link.direct", *GROUND)


def test_what_cannot_be_built_is_said() -> None:
    with pytest.raises(Mistake, match=r"no device at hand runs protocol.mdi: name one under assume.devices"):
        plan(case(line("a--b", 10.0)), "protocol.mdi", "q-link.untrusted-centre", *GROUND)
    with pytest.raises(Mistake, match="no QKD protocol is chosen"):
        plan(case(line("a--b", 10.0)), "q-link.direct", *GROUND)
    with pytest.raises(Mistake, match="the chosen media are none of those that the case has lines or satellites for"):
        plan(case(line("a--b", 10.0)), "protocol.decoy-bb84", "q-link.direct", *SKY)


@pytest.mark.parametrize(
    ("needs", "mode"),
    [
        ((need("key-rate", 1_000.0),), KeyMode.HYBRID_CATKDF),
        ((need("security", Security.HYBRID.place),), KeyMode.HYBRID_CATKDF),
        ((need("key-rate", 1_000.0), need("one-time-pad", 1_000.0)), KeyMode.HYBRID_XOR),
        ((need("security", Security.END_TO_END.place),), KeyMode.HYBRID_XOR),
        ((need("security", Security.DISJOINT_SHARES.place),), KeyMode.HYBRID_XOR),
    ],
)
def test_hybrid_keys_are_what_the_service_levels_promise_and_as_random_as_a_need_asks(
    needs: tuple[Need, ...], mode: KeyMode
) -> None:
    subject = case(line("a--b", 10.0), needs=needs)
    found = plan(subject, "protocol.decoy-bb84", "q-link.direct", "hybrid.ml-kem", *GROUND)
    assert found.not_runnable == ()
    assert {sla.mode for sla in found.blueprint.slas} == {mode}
    assert [found.because[sla.id] for sla in found.blueprint.slas] == [("hybrid.ml-kem",)]
    usual = plan(subject, "protocol.decoy-bb84", "q-link.direct", *GROUND)
    assert {sla.mode for sla in usual.blueprint.slas} == {KeyMode.QKD_ONLY}
    assert not {sla.id for sla in usual.blueprint.slas} & set(usual.because)


def test_every_pair_of_a_need_is_an_app_at_the_rate_it_asks_for() -> None:
    needs = (need("key-rate", 2_000.5, "a--b"), need("key-rate", 1_000.0), need("latency", 1e9, "a--c"))
    found = plan(
        case(line("a--b", 10.0), line("b--c", 10.0), needs=needs), "protocol.decoy-bb84", "q-link.direct", *GROUND
    )
    by_app = {app.id: found.blueprint.sla_of(app).rate for app in found.blueprint.apps}
    assert by_app == {"a-b": 2_001, "a-c": 1_000, "b-c": 1_000}
    assert [demand.rate for demand in found.demands] == [2_000.5, 1_000.0, 1_000.0]
    unrated = plan(
        case(line("a--b", 10.0), needs=(need("latency", 1e9),)), "protocol.decoy-bb84", "q-link.direct", *GROUND
    )
    assert unrated.demands == ()
    assert {unrated.blueprint.sla_of(app).rate for app in unrated.blueprint.apps} == {USUAL_RATE}


def test_several_apps_of_a_pair_have_names_of_their_own_and_ask_together() -> None:
    several = replace(need("key-rate", 100.0, "a--b"), apps=3)
    found = plan(
        case(line("a--b", 10.0), needs=(several, need("latency", 1e9))), "protocol.decoy-bb84", "q-link.direct", *GROUND
    )
    assert [str(app.id) for app in found.blueprint.apps] == ["a-b.1", "a-b.2", "a-b.3"]
    assert [str(end.sae) for end in found.blueprint.apps[2].ends] == ["a.to.b.3", "b.to.a.3"]
    assert {found.blueprint.sla_of(app).rate for app in found.blueprint.apps} == {100}
    assert [demand.rate for demand in found.demands] == [300.0]


def test_of_two_needs_of_a_pair_the_larger_in_all_is_its_demand() -> None:
    many, pad = replace(need("key-rate", 100.0), apps=3), need("one-time-pad", 250.0)
    found = plan(case(line("a--b", 10.0), needs=(pad, many)), "protocol.decoy-bb84", "q-link.direct", *GROUND)
    assert [demand.rate for demand in found.demands] == [300.0]
    larger = replace(pad, threshold=301.0)
    found = plan(case(line("a--b", 10.0), needs=(many, larger)), "protocol.decoy-bb84", "q-link.direct", *GROUND)
    assert [demand.rate for demand in found.demands] == [301.0]
    assert [str(app.id) for app in found.blueprint.apps] == ["a-b"]


def test_relays_bear_the_risk_that_their_site_or_the_case_says() -> None:
    sites = (Site(NodeId("b"), risk=0.2),)
    assume = Assumptions(risk=0.05)
    found = plan(case(line("a--b", 150.0, relays=""), sites=sites, assume=assume), *RELAYED)
    assert found.risks == {"a": 0.05, "b": 0.2, "a-b.1": 0.05}


def test_distances_on_the_globe() -> None:
    london, paris = (51.5074, -0.1278), (48.8566, 2.3522)
    assert great_circle(london, paris) == pytest.approx(343.6, abs=0.5)  # haversine on a sphere of 6371 km
    assert great_circle(london, london) == 0.0
    assert great_circle((0.0, 0.0), (0.0, 180.0)) == pytest.approx(20_015, abs=1)


def test_layouts_that_are_made_once_are_those_made_each_time() -> None:
    subject = case(line("a--b", 15.0, relays="Telco"), sites=APART, satellites=(LEO,))
    layouts = Layouts(subject, small_ovm(), SHELF)
    choices = (
        RELAYED,
        ("protocol.decoy-bb84", "q-link.direct", *GROUND),
        ("protocol.bb84", "q-link.direct", *GROUND),
        ("protocol.decoy-bb84", "q-link.direct", *SKY),
        ("protocol.decoy-bb84", "q-link.direct", *GROUND, *SKY),
        ("protocol.decoy-bb84", "q-link.direct", "hybrid.ml-kem", *GROUND),
        RELAYED,
    )
    for variants in choices:
        assert layouts.plan(chosen(*variants)) == plan(subject, *variants)


def test_what_cannot_be_laid_out_is_refused_alike_each_time() -> None:
    subject = case(line("a--b", 500.0))
    layouts = Layouts(subject, small_ovm(), SHELF)
    wanted = chosen("protocol.decoy-bb84", "q-link.direct", *GROUND)
    reasons = []
    for _ in range(2):
        with pytest.raises(Mistake) as caught:
            layouts.plan(wanted)
        reasons.append(str(caught.value))
    with pytest.raises(Mistake) as caught:
        realise(subject, small_ovm(), wanted, SHELF)
    assert reasons == [str(caught.value)] * 2
    with pytest.raises(Mistake, match="no QKD protocol"):
        layouts.plan(chosen("q-link.direct", *GROUND))


def test_control_at_each_node_is_what_the_blueprint_says() -> None:
    subject = case(line("a--b", 10.0))
    usual = plan(subject, "protocol.decoy-bb84", "q-link.direct", *GROUND)
    assert usual.blueprint.control.placement is Placement.CENTRAL
    configuration = Configuration("qkd", tuple(sorted((*usual.configuration.chosen, VariantId("control.peer")))))
    peer = realise(subject, library_ovm("qkd"), configuration, SHELF)
    assert peer.blueprint.control.placement is Placement.PER_NODE
    assert peer.not_runnable == ()


@pytest.mark.parametrize(
    "variant", ["authentication.certificates-ml-dsa", "key-management.central", "coexistence.dwdm"]
)
def test_what_the_running_half_lacks_is_named_and_never_replaced(variant: str) -> None:
    ovm = library_ovm("qkd")
    chosen = ("protocol.decoy-bb84", "q-link.direct", *GROUND, variant)
    configuration = Configuration("qkd", tuple(sorted(map(VariantId, chosen))))
    found = realise(case(line("a--b", 10.0)), ovm, configuration, SHELF)
    assert found.not_runnable == (ovm.variants[VariantId(variant)].name,)


def test_an_uplink_sends_from_the_ground() -> None:
    subject = case(sites=APART, satellites=(LEO,))
    ovm = library_ovm("qkd")
    for path, direction in (("downlink", Direction.DOWNLINK), ("uplink", Direction.UPLINK)):
        chosen = ("protocol.decoy-bb84", "q-link.direct", *SKY, f"satellite-path.{path}")
        found = realise(subject, ovm, Configuration("qkd", tuple(sorted(map(VariantId, chosen)))), SHELF)
        settings = [link.setting for link in found.blueprint.topology.links]
        assert all(isinstance(each, Satellite) and each.direction is direction for each in settings)


def test_keys_between_two_operators_are_analysed_only() -> None:
    apart = tuple(Site(NodeId(name), domain=domain) for name, domain in (("a", "Nordnet"), ("b", "Südnetz")))
    found = plan(case(line("a--b", 10.0), sites=apart), "protocol.decoy-bb84", "q-link.direct", *GROUND)
    assert found.not_runnable == (INTERWORKING,)


def test_shares_over_disjoint_routes_are_what_the_service_level_promises() -> None:
    subject = case(line("a--b", 10.0), line("b--c", 10.0), line("c--a", 10.0))
    assert {sla.routes for sla in plan(subject, *RELAYED, routes=2).blueprint.slas} == {2}
    assert {sla.routes for sla in plan(subject, *RELAYED).blueprint.slas} == {1}
