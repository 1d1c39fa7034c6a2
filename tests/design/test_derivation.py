"""Rules from needs to variants: what each says, of whom, and when it is silent."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from keytwin.design.derivation import RULES, Derived, Stance, Wish, derive, routes_of
from keytwin.design.need import Assumptions, Case, Condition, Failure, Need, Orbiter, Priority, Security, Site
from keytwin.design.variability import Attribute, Ovm, ovm_of
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import NodeId, VariantId, VariationPointId
from tests.design.cases import APART, LEO, case, line, need
from tests.design.ovms import small_ovm

OTHERS = Orbiter(NodeId("sat"), "Agency")


def derived(subject: Case, ovm: Ovm | None = None) -> Derived:
    return derive(subject, ovm or small_ovm(), lambda loss: loss <= 20.0)


def wishes(subject: Case, rule: str, ovm: Ovm | None = None) -> list[Wish]:
    return [wish for wish in derived(subject, ovm).wishes if wish.rule == f"derive-{rule}"]


def test_a_short_line_with_a_plain_need_asks_for_nothing() -> None:
    subject = case(line("a--b", 20.0), satellites=(LEO, OTHERS))
    assert derived(subject) == Derived((), 1)


def test_a_line_beyond_all_reach_asks_for_help_on_the_way() -> None:
    (wish,) = wishes(case(line("a--b", 600.0)), "reach")
    assert wish.stance is Stance.TAKE
    assert wish.variants == ("q-link.trusted-relay", "q-link.repeater", "q-link.untrusted-centre", "medium.satellite")
    assert wish.reason == "no direct link gives key over a -- b: 600 km lose 120 dB"
    assert wish.needs == ("N-key-rate-1000.0",)


def test_media_that_the_case_has_not_are_left_out() -> None:
    assert [(each.stance, each.variants) for each in wishes(case(line("a--b", 20.0)), "media")] == [
        (Stance.LEAVE, ("medium.satellite",)),
        (Stance.LEAVE, ("free-space.constellation",)),
    ]
    sky = wishes(case(sites=APART, satellites=(LEO, OTHERS)), "media")
    assert [each.variants for each in sky] == [("medium.terrestrial",)]


def attacked() -> Need:
    return replace(need("key-rate", 1.0), under=Condition(Failure.ATTACK, 1))


def test_an_attacked_channel_asks_for_a_second_one_in_the_sky_where_there_is_one_line() -> None:
    subject = case(line("a--b", 20.0), needs=(attacked(),), satellites=(LEO,))
    taken = [each.variants for each in wishes(subject, "channel")]
    assert taken == [("medium.satellite",), ("medium.terrestrial",)]  # the small OVM knows no redundancy
    two = case(line("a--b", 20.0, name="n"), line("a--b", 30.0, name="s"), needs=(attacked(),), satellites=(LEO,))
    assert wishes(two, "channel") == []
    assert wishes(case(line("a--b", 20.0), satellites=(LEO,)), "channel") == []


def test_no_relay_of_others_leaves_relays_only_on_own_ground() -> None:
    strict = (need("third-party-relays", 0.0),)
    assert [each.variants for each in wishes(case(line("a--b", 20.0, relays="Telco"), needs=strict), "trust")] == [
        ("q-link.trusted-relay",),
        ("medium.satellite",),
    ]
    assert (
        wishes(case(line("a--b", 20.0, relays=""), needs=strict, satellites=(Orbiter(NodeId("own")),)), "trust") == []
    )
    wished = (need("third-party-relays", 0.0, priority=Priority.SHOULD),)
    assert wishes(case(line("a--b", 20.0, relays="Telco"), needs=wished), "trust") == []


@pytest.mark.parametrize(
    ("risk", "threshold", "routes"), [(0.1, 0.1, 1), (0.1, 0.01, 2), (0.1, 0.0011, 3), (0.5, 0.0, 4)]
)
def test_a_bound_on_compromise_asks_for_shares(risk: float, threshold: float, routes: int) -> None:
    subject = case(line("a--b", 20.0), needs=(need("compromise", threshold),), assume=Assumptions(risk=risk))
    assert routes_of(subject) == derived(subject).routes == routes


def test_variants_less_ready_than_asked_for_are_left_out() -> None:
    ovm = small_ovm()
    judged = {
        variant.id: replace(variant, attributes=(Attribute("readiness", "number", level, "test"),))
        for variant, level in zip(ovm.variants.values(), ("9", "5"), strict=False)
    }
    rated = ovm_of("rated", "", tuple(ovm.points.values()), tuple(judged.get(k, v) for k, v in ovm.variants.items()))
    (wish,) = wishes(case(line("a--b", 20.0), needs=(need("readiness", 7.0),)), "readiness", rated)
    assert (wish.stance, wish.variants) == (Stance.LEAVE, ("protocol.bb84",))
    assert wish.reason == "protocol.bb84 is at level 5 of 9, and 7 is asked for"


def test_secrecy_from_end_to_end_lets_no_relay_in() -> None:
    strict = (need("security", float(Security.END_TO_END.place)),)
    subject = case(line("a--b", 20.0), needs=strict)
    assert [each.variants for each in wishes(subject, "secrecy")] == [("q-link.trusted-relay",), ("medium.satellite",)]
    assert wishes(case(line("a--b", 20.0), needs=(need("security", 1.0),)), "secrecy") == []


def test_what_is_chosen_is_taken_and_the_rest_of_its_variation_point_left() -> None:
    point = VariationPointId("medium")
    subject = replace(case(line("a--b", 20.0)), choose=MappingProxyType({point: (VariantId("medium.terrestrial"),)}))
    assert [(each.stance, each.variants) for each in wishes(subject, "choice")] == [
        (Stance.TAKE, ("medium.terrestrial",)),
        (Stance.LEAVE, ("medium.satellite",)),
    ]
    for chosen, told in (
        ({VariationPointId("mediums"): ()}, "test chooses 'mediums': small has no such variation point"),
        ({point: (VariantId("medium.air"),)}, "'medium.air': medium is one of terrestrial, satellite"),
    ):
        with pytest.raises(Mistake, match=told):
            derived(replace(subject, choose=MappingProxyType(chosen)))


def test_every_rule_that_speaks_says_what_it_says_in_general() -> None:
    subject = case(
        line("a--b", 600.0, relays="Telco"),
        needs=(attacked(), need("third-party-relays", 0.0), need("security", 5.0)),
        sites=(Site(NodeId("a")),),
        satellites=(OTHERS,),
    )
    spoken = {wish.rule for wish in derived(subject).wishes}
    assert spoken <= RULES.keys()
    assert len(spoken) >= 5


def test_what_moves_is_reached_through_the_air() -> None:
    ship = Site(NodeId("ship"), is_moving=True)
    subject = case(line("a--b", 20.0), sites=(ship,), satellites=(LEO,))
    (wish,) = wishes(subject, "moving")
    assert (wish.stance, wish.variants) == (Stance.TAKE, ("medium.satellite",))
    assert wish.reason == "ship moves, and no fibre follows it"
    assert wish.needs == ("N-key-rate-1000.0",)
    elsewhere = case(line("a--b", 20.0), sites=(ship,), satellites=(LEO,), needs=(need("key-rate", 1.0, "a--b"),))
    assert wishes(elsewhere, "moving")[0].needs == ()


def test_two_operators_meet_at_nodes_that_pass_keys_on() -> None:
    north, south = (Site(NodeId(name), domain=domain) for name, domain in (("a", "Nordnet"), ("b", "Südnetz")))
    (wish,) = wishes(case(line("a--b", 20.0), sites=(north, south)), "domains")
    assert (wish.stance, wish.variants) == (Stance.TAKE, ("q-link.trusted-relay",))
    assert wish.reason == "the networks of Nordnet and Südnetz meet at a node of each, which sees the keys that cross"
    both = (replace(north, domain="Südnetz"), south)
    assert wishes(case(line("a--b", 20.0), sites=both), "domains") == []
    assert wishes(case(line("a--b", 20.0), sites=(replace(north, domain=""), south)), "domains") == []


def test_where_a_relay_that_falls_may_give_nothing_away_keys_are_hybrid() -> None:
    def asking(level: Security, priority: Priority = Priority.MUST) -> Case:
        return case(line("a--b", 20.0), needs=(need("security", level.place, priority=priority),))

    (wish,) = wishes(asking(Security.HYBRID), "hybrid")
    assert (wish.stance, wish.variants) == (Stance.TAKE, ("hybrid.ml-kem",))
    assert wish.reason == "a relay that falls must not give a key away by itself"
    # What is wished for and no must is compared, and what is stricter or laxer is met otherwise.
    assert wishes(asking(Security.HYBRID, Priority.SHOULD), "hybrid") == []
    assert wishes(asking(Security.TRUSTED_RELAYS), "hybrid") == []
    assert wishes(asking(Security.DISJOINT_SHARES), "hybrid") == []
