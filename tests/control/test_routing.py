"""The routing element: paper B, 3.2. Shortest by the metric first, then disjoint ones; room, trust and status count."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nan
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.control.capacity import TELEMETRY_LIFETIME
from keytwin.control.metrics import LinkView, hops, key_aware
from keytwin.control.routing import BOOKS_FRESH, SETTLING, Routing, RoutingMetric, RoutingSweep
from keytwin.control.topology_view import TOPOLOGY_LIFETIME
from keytwin.vocabulary.blueprint import RoutingSettings
from keytwin.vocabulary.errors import Mistake, UnexpectedMessage
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.identity import (
    ADMISSION,
    CONTROLLER,
    MONITORING,
    ROUTING,
    DeviceId,
    Ksid,
    LinkId,
    NodeId,
    link_ends,
)
from keytwin.vocabulary.link_messages import LinkPerformance, SubscribePerformance
from keytwin.vocabulary.machine import Effect, Message, Publish, Send
from keytwin.vocabulary.operator_messages import CutQuantumChannel
from keytwin.vocabulary.session_messages import FindRoute, NoRoute, RouteFound
from keytwin.vocabulary.topology import MOST_HOPS
from keytwin.vocabulary.topology_messages import (
    LinkReserved,
    LinkState,
    LinkStatus,
    NodeState,
    RequestTopology,
    ReservationsRequested,
    TopologySnapshot,
)
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Instant, after, seconds
from tests.marks import invariant

SQUARE: Final = ("a--b", "b--c", "a--d", "c--d")
RATE: Final = 100_000
LATER: Final = Instant(seconds(6))  # settled


def question(source: str = "a", target: str = "c", rate: int = 1_000, **others: object) -> FindRoute:
    asked = FindRoute(
        request_id="1",
        reply_to=ADMISSION,
        ksid=Ksid("k"),
        source=NodeId(source),
        target=NodeId(target),
        rate=BitsPerSecond(rate),
        key_size=Bits(256),
        batch=64,
    )
    return replace(asked, **others)


class Network:
    """A routing element and the topology it is told."""

    def __init__(
        self,
        links: tuple[str, ...] = SQUARE,
        metric: RoutingMetric = hops,
        k_paths: int = 3,
    ) -> None:
        self.routing = Routing(RoutingSettings("given", k_paths), metric)
        self.effects = self.routing.restore([], START)
        self.now = LATER
        self.version = 0
        self.states = {LinkId(link): self.state(link) for link in links}
        nodes = [node for link in self.states for node in link_ends(link)]
        self.nodes = {node: NodeState(node) for node in nodes}
        self.tell()

    def state(self, link: str, status: LinkStatus = LinkStatus.ACTIVE, rate: int = RATE) -> LinkState:
        return LinkState(LinkId(link), status, BitsPerSecond(rate), 0.02, DeviceId("box"))

    def tell(self) -> list[Effect]:
        """Tell the element the whole topology."""
        self.version += 1
        return self.give(TopologySnapshot(self.version, tuple(self.nodes.values()), tuple(self.states.values())))

    def give(self, message: Message) -> list[Effect]:
        return self.routing.receive(message, self.now)

    def set(self, link: str, status: LinkStatus = LinkStatus.ACTIVE, rate: int = RATE) -> None:
        self.states[LinkId(link)] = self.state(link, status, rate)
        self.tell()

    def distrust(self, node: str) -> None:
        self.nodes[NodeId(node)] = NodeState(NodeId(node), trusted=False)
        self.tell()

    def reserve(self, link: str, rate: int, sequence: int = 1) -> None:
        self.give(LinkReserved(LinkId(link), sequence, BitsPerSecond(rate), BitsPerSecond(rate), 1))

    def perform(self, link: str, rate: int, qber: float = 0.02, at: Instant = LATER) -> list[Effect]:
        return self.give(
            LinkPerformance(LinkId(link), at, BitsPerSecond(rate), qber, (Bits(10**6), Bits(10**6)), None, 0.0)
        )

    def answers(self, asked: FindRoute) -> list[Message]:
        return [effect.message for effect in self.give(asked) if isinstance(effect, Send)]

    def routes(self, asked: FindRoute | None = None) -> list[str]:
        """The offered routes, each as its nodes in a row."""
        (answer,) = self.answers(asked or question())
        assert isinstance(answer, RouteFound)
        return ["".join(route.nodes) for route in answer.routes]

    def explanation(self, asked: FindRoute | None = None) -> str:
        """Why there is no route."""
        self.answers(asked or question())  # may ask for fresh reservations first
        (answer,) = self.answers(asked or question())
        assert isinstance(answer, NoRoute)
        return answer.explanation


# --- what is offered ------------------------------------------------------------------------------------------------


def test_the_shortest_comes_first_and_the_others_avoid_its_inner_nodes() -> None:
    network = Network(("a--b", "b--c", "a--d", "d--e", "c--e", "b--e"))
    assert network.routes() == ["abc", "adec"]


def test_no_more_candidates_than_asked_for() -> None:
    links = tuple(f"{end}--{middle}" for middle in "klmn" for end in "ac")
    assert Network(links, k_paths=1).routes() == ["akc"]
    assert Network(links, k_paths=3).routes() == ["akc", "alc", "amc"]


def test_parallel_links_are_candidates_of_their_own() -> None:
    network = Network(("a--c/north", "a--c/south", "a--b", "b--c"))
    (answer,) = network.answers(question())
    assert isinstance(answer, RouteFound)
    assert [route.links for route in answer.routes] == [("a--c/north",), ("a--c/south",), ("a--b", "b--c")]


def test_the_answer_does_not_depend_on_the_order_of_registration() -> None:
    assert Network(SQUARE).routes() == Network(tuple(reversed(SQUARE))).routes() == ["abc", "adc"]


@pytest.mark.parametrize("status", [LinkStatus.OFF, LinkStatus.PASSIVE])
def test_a_link_that_makes_no_key_is_not_used(status: LinkStatus) -> None:
    network = Network()
    network.set("a--b", status)
    assert network.routes() == ["adc"]


def test_a_link_without_its_first_block_counts_with_its_registered_rate() -> None:
    network = Network()
    network.set("a--b", LinkStatus.PENDING, 1_000)
    assert network.routes() == ["adc"]
    network.set("a--b", LinkStatus.PENDING, 3_000)
    assert network.routes() == ["abc", "adc"]


def test_a_distrusted_node_is_no_transit() -> None:
    network = Network()
    network.distrust("b")
    assert network.routes() == ["adc"]


def test_room_counts_in_both_directions_with_the_tag_on_every_relayed_hop() -> None:
    network = Network()
    network.reserve("a--b", RATE // 2 - 1_016)
    assert network.routes() == ["abc", "adc"]
    network.reserve("a--b", RATE // 2 - 1_015, sequence=2)
    assert network.routes() == ["adc"]


def test_a_session_with_two_tags_on_each_message_needs_room_for_both() -> None:
    network = Network()
    network.reserve("a--b", RATE // 2 - 1_032)
    assert network.routes(question(tags=2)) == ["abc", "adc"]
    network.reserve("a--b", RATE // 2 - 1_031, sequence=2)
    assert network.routes(question(tags=2)) == ["adc"]
    assert network.routes() == ["abc", "adc"]


def test_the_fuller_direction_decides() -> None:
    network = Network()
    for sequence, (first, second) in enumerate(((RATE // 2, 0), (0, RATE // 2)), start=1):
        network.give(LinkReserved(LinkId("a--b"), sequence, BitsPerSecond(first), BitsPerSecond(second), 1))
        assert network.routes() == ["adc"]


def test_the_direct_link_needs_no_room_for_tags() -> None:
    network = Network(("a--c", "a--b", "b--c"))
    network.reserve("a--c", RATE // 2 - 1_000)
    assert network.routes() == ["ac", "abc"]
    network.reserve("a--c", RATE // 2 - 999, sequence=2)
    assert network.routes() == ["abc"]


def test_an_older_reservation_is_ignored() -> None:
    network = Network()
    network.reserve("a--b", 0, sequence=5)
    network.reserve("a--b", RATE, sequence=4)
    assert network.routes() == ["abc", "adc"]


def test_a_link_that_carries_the_session_already_has_room_for_it() -> None:
    network = Network()
    for link in ("a--b", "b--c"):
        network.reserve(link, RATE // 2)
    assert network.routes() == ["adc"]
    assert network.routes(question(held=(LinkId("a--b"), LinkId("b--c")))) == ["abc", "adc"]


def test_a_link_that_admission_excludes_is_left_out() -> None:
    assert Network().routes(question(excluded=(LinkId("b--c"),))) == ["adc"]


def test_the_measured_rate_counts_once_there_is_one() -> None:
    network = Network()
    network.perform("a--b", 1_500)
    assert network.routes() == ["adc"]
    network.perform("a--b", 9_000, at=after(LATER, 1))
    assert network.routes() == ["abc", "adc"]
    network.perform("a--b", 1_500, at=LATER)  # overtaken
    assert network.routes() == ["abc", "adc"]


@invariant("C3")
def test_a_performance_that_is_too_old_opens_nothing() -> None:
    network = Network()
    network.set("a--b", rate=1_500)
    network.perform("a--b", RATE)
    assert network.routes() == ["abc", "adc"]
    network.now = after(LATER, TELEMETRY_LIFETIME + 1)
    network.give(RoutingSweep())
    network.tell()
    assert network.routes() == ["adc"]


@invariant("C3")
def test_a_topology_that_is_too_old_admits_nothing() -> None:
    network = Network()
    network.now = after(LATER, TOPOLOGY_LIFETIME + 1)
    assert network.explanation() == "the topology is 60 s old: the controller does not answer"
    network.tell()
    assert network.routes() == ["abc", "adc"]


@invariant("C4")
def test_a_route_is_no_longer_than_the_life_of_a_relayed_message() -> None:
    def ladder(rungs: int) -> Network:
        names = [f"n{number:03}" for number in range(rungs + 1)]
        return Network(tuple(f"{near}--{far}" for near, far in pairwise(names)), k_paths=1)

    fits, too_long = ladder(MOST_HOPS), ladder(MOST_HOPS + 1)
    assert len(fits.routes(question("n000", f"n{MOST_HOPS:03}"))) == 1
    asked = question("n000", f"n{MOST_HOPS + 1:03}")
    assert too_long.explanation(asked) == f"every route from n000 to n065 has more than {MOST_HOPS} hops"


NODES: Final = [NodeId(name) for name in "abcdefg"]
PAIRS: Final = [(near, far) for far in NODES for near in NODES if near < far]


@invariant("C4")
@settings(max_examples=60)
@given(
    pairs=st.lists(st.sampled_from(PAIRS), min_size=1, max_size=14, unique=True),
    rates=st.lists(st.sampled_from((0, 1_500, 40_000, 100_000)), min_size=14, max_size=14),
    metric=st.sampled_from((hops, key_aware)),
)
def test_every_candidate_is_a_way_without_loops_on_links_with_room_and_no_two_share_a_transit_node(
    pairs: list[tuple[NodeId, NodeId]], rates: list[int], metric: RoutingMetric
) -> None:
    network = Network(tuple(f"{near}--{far}" for near, far in pairs), metric)
    for link, rate in zip(list(network.states), rates, strict=False):
        network.set(link, rate=rate)
    answers = network.answers(question("a", "c", 1_000))
    if not (answers and isinstance(answers[0], RouteFound)):
        return
    inner: list[NodeId] = []
    for route in answers[0].routes:
        assert (route.nodes[0], route.nodes[-1]) == ("a", "c")
        assert len(set(route.nodes)) == len(route.nodes) == route.hops + 1
        need = 1_000 if route.hops == 1 else 1_016
        assert all(network.states[link].rate // 2 >= need for link in route.links)
        inner += route.nodes[1:-1]
    assert len(inner) == len(set(inner))


# --- metrics --------------------------------------------------------------------------------------------------------


def test_a_metric_decides_which_route_is_the_shortest() -> None:
    network = Network(metric=lambda view: 5.0 if "b" in view.ends else 1.0)
    assert network.routes() == ["adc", "abc"]


def test_the_key_aware_metric_leads_around_load() -> None:
    network = Network(metric=key_aware)
    network.reserve("a--b", 30_000)
    assert network.routes() == ["adc", "abc"]


def test_the_metric_sees_what_is_known_of_a_link() -> None:
    seen: dict[LinkId, LinkView] = {}

    def watching(view: LinkView) -> float:
        seen[view.link] = view
        return 1.0

    network = Network(metric=watching)
    network.reserve("a--b", 7_000)
    network.perform("a--b", 90_000, 0.03)
    view = seen[LinkId("a--b")]
    assert (view.rate, view.qber, view.reserved, view.sessions, view.stock) == (90_000, 0.03, (7_000, 7_000), 1, 10**6)


def test_infinity_shuts_a_link_out() -> None:
    assert Network(metric=lambda view: inf if "b" in view.ends else 1.0).routes() == ["adc"]


def test_a_metric_that_gives_no_weight_is_refused_when_the_element_is_made() -> None:
    with pytest.raises(Mistake):
        Routing(RoutingSettings(), lambda _: nan)


def test_a_metric_that_fails_on_one_link_later_costs_that_link_and_is_told_once() -> None:
    network = Network(metric=lambda view: nan if view.link == "b--c" and view.sessions else 1.0)
    assert network.routes() == ["abc", "adc"]
    reserved = LinkReserved(LinkId("b--c"), 1, BitsPerSecond(1), BitsPerSecond(1), 1)
    effects = [*network.give(reserved), *network.give(replace(reserved, sequence=2))]
    told = ViolationSeen("RoutingMetric", "b--c is left out, because the metric gives nan")
    assert [effect for effect in effects if isinstance(effect, Publish)] == [Publish(told)]
    assert network.routes() == ["adc"]


# --- staying up to date ---------------------------------------------------------------------------------------------


def test_it_begins_by_asking_for_everything() -> None:
    asked = [effect for effect in Network().effects if isinstance(effect, Send)]
    assert asked == [
        Send(CONTROLLER, RequestTopology(ROUTING)),
        Send(MONITORING, SubscribePerformance(ROUTING)),
        Send(ADMISSION, ReservationsRequested(ROUTING)),
    ]


def test_it_is_silent_until_it_knows_the_topology() -> None:
    routing = Routing(RoutingSettings(), hops)
    routing.restore([], START)
    assert routing.receive(question(), LATER) == []


def test_it_does_not_say_no_while_links_may_still_register() -> None:
    network = Network(("a--b",))
    network.now = Instant(SETTLING - 1)
    assert network.answers(question("a", "c")) == []
    network.states[LinkId("b--c")] = network.state("b--c")
    network.nodes[NodeId("c")] = NodeState(NodeId("c"))
    network.tell()
    assert network.routes() == ["abc"]


def test_before_it_says_that_there_is_no_room_it_asks_for_fresh_reservations() -> None:
    network = Network(("a--b", "b--c"))
    network.reserve("a--b", RATE // 2)
    network.now = after(LATER, BOOKS_FRESH)
    assert network.answers(question()) == [ReservationsRequested(ROUTING)]
    network.reserve("a--b", 0, sequence=2)
    assert network.routes() == ["abc"]


def test_a_new_link_between_known_nodes_is_used() -> None:
    network = Network(("a--b", "b--c"))
    network.set("a--c")
    assert network.routes() == ["ac", "abc"]


def test_a_link_that_is_gone_is_not_used() -> None:
    network = Network()
    del network.states[LinkId("a--b")]
    network.tell()
    assert network.routes() == ["adc"]


def test_routing_takes_nothing_else() -> None:
    with pytest.raises(UnexpectedMessage):
        Network().give(CutQuantumChannel(LinkId("a--b")))


# --- keys in shares -------------------------------------------------------------------------------------------------


def ways(network: Network, asked: FindRoute) -> list[str]:
    """The ways of the one route that is offered."""
    (answer,) = network.answers(asked)
    assert isinstance(answer, RouteFound)
    (route,) = answer.routes
    return ["".join(way.nodes) for way in route.ways]


def test_a_route_for_shares_is_so_many_ways_without_a_common_node() -> None:
    assert ways(Network(), question(shares=2)) == ["abc", "adc"]
    assert ways(Network((*SQUARE, "a--c")), question(shares=2))[0] == "ac"
    assert sorted(ways(Network((*SQUARE, "a--c")), question(shares=3))) == ["abc", "ac", "adc"]


def test_where_there_are_fewer_ways_the_operator_hears_what_they_have_in_common() -> None:
    assert "only 2 of 3 routes from a to c" in Network().explanation(question(shares=3))
    network = Network()
    network.set("a--b", LinkStatus.OFF)
    assert network.explanation(question(shares=2)).endswith("every route with room passes d")
    bridge = Network(("a--b", "b--c", "a--b/other"))
    assert bridge.explanation(question(shares=2)).endswith("every route with room passes b")
    edge = Network(("a--c",))
    assert edge.explanation(question(shares=2)).endswith("every route with room crosses a--c")


def test_a_way_without_room_counts_as_none() -> None:
    network = Network()
    network.reserve("b--c", RATE)
    assert "only 1 of 2" in network.explanation(question(shares=2))
    assert ways(Network(), question(shares=2, excluded=())) == ["abc", "adc"]
    assert "only 1 of 2" in Network().explanation(question(shares=2, excluded=(LinkId("d--c"), LinkId("c--d"))))


def test_parallel_links_are_ways_of_their_own() -> None:
    assert ways(Network(("a--c", "a--c/other")), question(shares=2)) == ["ac", "ac"]
