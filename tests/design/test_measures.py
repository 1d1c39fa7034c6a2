"""What a plan is worth, measure by measure, on plans worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from keytwin.design.cost import CostBook, Price
from keytwin.design.measures import Found, Yardstick, find_out
from keytwin.design.model import Method
from keytwin.design.need import MEASURES, Condition, Failure, Need, NeedId, Priority, Security
from keytwin.design.plan import Plan
from keytwin.design.throughput import USUAL_OVERHEAD
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId
from tests.design.cases import GROUND, case, line
from tests.design.cases import plan as realised
from tests.design.plans import plan

TAG = USUAL_OVERHEAD.factor
RING = {"a--b": 100.0, "b--c": 80.0, "c--d": 60.0, "d--a": 100.0}
"""A ring of four with a key on each link."""


def found(subject: Plan, measure: str, under: Condition | None = None, threshold: float = 0.0) -> Found:
    need = Need(
        id=NeedId("N1"),
        text="",
        priority=Priority.MUST,
        measure=measure,
        threshold=threshold,
        under=under,
    )
    answer = find_out(subject, need, subject.pairs)
    assert answer is not None
    return answer


def test_the_key_rate_is_that_of_the_worst_served_pair() -> None:
    subject = plan(RING, {"a--b": 10.0, "c--d": 20.0}, relays="abcd")
    answer = found(subject, "key-rate")
    # The weaker pair's own link gives 60, the way round the rest; in shares of 10 and 20 the ring is used up.
    assert answer.method is Method.ANALYSIS
    assert answer.value > 30.0
    assert answer.culprits


def test_under_a_cut_the_failed_link_is_the_culprit() -> None:
    subject = plan(RING, {"a--c": 10.0}, relays="abcd")
    assert found(subject, "key-rate").value == pytest.approx(140.0 / TAG)
    cut = found(subject, "key-rate", Condition(Failure.CUT, 1))
    assert cut.value == pytest.approx(60.0 / TAG)
    assert cut.culprits == ("a--b",)
    dead = found(subject, "key-rate", Condition(Failure.CUT, 2))
    assert (dead.value, dead.remark) == (0.0, "no way is left for a -- c")


def test_an_attack_takes_a_whole_channel_and_a_kill_a_relay() -> None:
    channels = {"north": ("a--b", "b--c"), "south": ("c--d", "d--a")}
    subject = plan(RING, {"a--c": 10.0}, relays="bd", channels=channels)
    attacked = found(subject, "key-rate", Condition(Failure.ATTACK, 1))
    assert attacked.value == pytest.approx(60.0 / TAG)
    assert attacked.culprits == ("north",)
    killed = found(subject, "key-rate", Condition(Failure.KILL, 1))
    assert killed.value == pytest.approx(60.0 / TAG)
    assert killed.culprits == ("b",)
    assert found(subject, "channels-survived").value == 1


def test_of_several_apps_each_gets_its_part() -> None:
    subject = plan({"a--b": 60.0}, {"a--b": 30.0})
    each = Need(id=NeedId("N1"), text="", priority=Priority.MUST, measure="key-rate", threshold=10.0, apps=3)
    answer = find_out(subject, each, subject.pairs)
    assert answer is not None
    assert answer.value == pytest.approx(20.0, rel=1e-3)


def test_a_pad_that_is_too_short_is_told_with_the_most_and_with_what_would_do() -> None:
    subject = plan({"a--b": 9.26e6}, {"a--b": 18.52e6})
    short = found(subject, "one-time-pad", threshold=18.52e6)
    assert short.value == pytest.approx(9.26e6, rel=1e-3)
    assert short.remark == (
        "at most 100 GB a day (9.26 Mbit/s) can go under a pad here, of 200 GB; with AES-256 and a fresh key every "
        "minute the same traffic takes 4.27 bit/s of key"
    )
    assert found(plan({"a--b": 9.26e6}, {"a--b": 4.6e6}), "one-time-pad", threshold=4.6e6).remark == ""
    apart = plan({"a--b": 10.0, "c--d": 10.0}, {"a--d": 5.0})
    assert found(apart, "one-time-pad", threshold=5.0).remark == "no way is left for a -- d"


def test_headroom_is_what_is_left_above_the_demands() -> None:
    assert found(plan({"a--b": 10.0}, {"a--b": 4.0}), "headroom").value == pytest.approx(1.5)
    assert found(plan({"a--b": 10.0}, {"a--b": 20.0}), "headroom").value == pytest.approx(-0.5)
    assert found(plan({"a--b": 10.0}, {"a--b": 0.0}), "headroom").value == inf


def test_autonomy_is_the_time_until_full_stores_are_empty() -> None:
    subject = plan({"a--b": 10.0}, {"a--b": 4.0}, store=1_000)
    answer = found(subject, "autonomy")
    assert answer.value == pytest.approx(1_000 / 4.0 * 1e9)
    assert answer.culprits == ("a--b",)
    dark = plan({"a--b": 0.0}, {"a--b": 4.0}, store=1_000)
    assert found(dark, "autonomy").value == 0.0
    assert found(plan({"a--b": 10.0}, {"a--b": 0.0}, store=1_000), "autonomy").value == inf


def test_survived_failures_are_those_of_the_weakest_pair() -> None:
    subject = plan({**RING, "a--c": 5.0}, {"a--c": 1.0, "b--d": 1.0}, relays="abcd")
    links = found(subject, "links-survived")
    assert (links.value, links.culprits) == (1.0, ("b -- d",))
    assert found(subject, "nodes-survived").value == 1.0
    assert found(plan({"a--b": 1.0}, {"a--b": 1.0}), "nodes-survived").value == inf
    assert found(plan({"a--b": 1.0, "c--d": 1.0}, {"a--c": 1.0}), "links-survived").value == -1.0


def test_relays_are_counted_by_their_owners() -> None:
    subject = plan(RING, {"a--c": 1.0}, relays="abcd", owners={"b": "Telco"})
    others = found(subject, "third-party-relays")
    assert (others.value, others.culprits, others.method) == (1.0, ("b",), Method.INSPECTION)
    assert found(subject, "own-relays").culprits == ("a", "c", "d")
    assert found(plan({"a--b": 1.0}, {"a--b": 1.0}, relays="ab"), "own-relays").value == 0.0


def test_shares_over_disjoint_routes_must_all_be_caught() -> None:
    risks = {"b": 0.1, "d": 0.2}
    alone = plan(RING, {"a--c": 1.0}, relays="bd", risks=risks)
    assert found(alone, "compromise").value == pytest.approx(0.1)
    shared = plan(RING, {"a--c": 1.0}, relays="bd", risks=risks, routes=2)
    assert found(shared, "compromise").value == pytest.approx(0.02)
    assert found(shared, "compromise").culprits == ("b", "d")
    with pytest.raises(Mistake, match="a and c have 2 routes without a common relay, where each key is to go in 3"):
        found(plan(RING, {"a--c": 1.0}, relays="bd", routes=3), "compromise")


@pytest.mark.parametrize(
    ("pairs", "routes", "expected"),
    [
        ("a--b", 1, Security.END_TO_END),
        ("a--c", 1, Security.TRUSTED_RELAYS),
        ("a--c", 2, Security.DISJOINT_SHARES),
    ],
)
def test_security_is_that_of_the_weakest_pair(pairs: str, routes: int, expected: Security) -> None:
    answer = found(plan(RING, {"a--b": 1.0, pairs: 1.0}, relays="abcd", routes=routes), "security")
    assert list(Security)[int(answer.value)] is expected
    assert answer.remark == expected.value


def test_reach_is_the_distance_of_the_farthest_pair_that_has_a_way() -> None:
    far = {"a--b": 10.0, "a--c": 25.0, "a--e": 90.0}
    subject = plan({**RING, "e--f": 1.0}, {"a--b": 1.0, "a--c": 1.0, "a--e": 1.0}, relays="abcd", distances=far)
    answer = found(subject, "reach")
    assert (answer.value, answer.culprits) == (25.0, ("a -- c",))
    assert found(plan(RING, {"a--b": 1.0}), "reach").value == 0.0


def test_the_price_is_a_range_and_names_its_dearest_item() -> None:
    need = Need(id=NeedId("N1"), text="", priority=Priority.MUST, measure="cost", threshold=1.0)
    subject = realised(case(line("a--b", 20.0)), "protocol.decoy-bb84", "q-link.direct", *GROUND)
    prices = {
        "device-pair": Price(10.0, 20.0, ""),
        "fibre-kilometre": Price(1.0, 4.0, ""),
        "key-manager": Price(0, 0, ""),
    }
    answer = find_out(subject, need, subject.pairs, Yardstick(CostBook("mine", "", 10, prices)))
    assert answer is not None
    assert (answer.value, answer.best) == (100.0, 30.0)
    assert answer.culprits == ("20 x fibre-kilometre",)
    assert find_out(subject, need, subject.pairs) is None


def test_the_least_ready_variant_decides() -> None:
    subject = plan(RING, {"a--c": 1.0})
    assert found(subject, "readiness").value == 0.0
    rated = replace(subject, readiness={VariantId("x.a"): 9.0, VariantId("x.b"): 3.0})
    assert (found(rated, "readiness").value, found(rated, "readiness").culprits) == (3.0, ("x.b",))


def test_findings_are_those_of_the_views() -> None:
    need = Need(id=NeedId("N1"), text="", priority=Priority.MUST, measure="consistency")
    subject = plan(RING, {"a--c": 1.0})
    assert find_out(subject, need, subject.pairs) is None
    assert find_out(subject, need, subject.pairs, Yardstick(findings=3)) == Found(3, Method.INSPECTION)


def test_only_a_run_can_tell_what_takes_time() -> None:
    subject = plan(RING, {"a--b": 1.0})
    for name, measure in MEASURES.items():
        need = Need(id=NeedId("N1"), text="", priority=Priority.MUST, measure=name)
        if measure.methods == (Method.TEST,):
            assert find_out(subject, need, subject.pairs) is None
