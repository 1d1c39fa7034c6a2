"""From the event stream to lanes."""

from __future__ import annotations

from keytwin.report.lanes import MOST_ALIKE, Mark, lanes_of
from keytwin.vocabulary.events import (
    KeysAnswered,
    KeysReady,
    KeysRelayed,
    SessionConfigured,
    SessionRejected,
    SessionRequested,
    StockSeen,
)
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.units import Duration, Instant
from tests.marks import clause
from tests.report.happenings import ROUTES, experiment, session

KM0 = NodeId("km0")
KM3 = NodeId("km3")
KSID23 = Ksid("ksid-of-app23")


def kinds(node: str, app: str) -> list[Mark]:
    return [mark.mark for mark in lanes_of(experiment()).row(NodeId(node), AppId(app))]


@clause("paper B, IEEE Network 2025", "Fig. 4")
def test_each_end_has_request_authentication_configuration_and_answer() -> None:
    signalling = [Mark.REQUESTED, Mark.AUTHENTICATED, Mark.CONFIGURED]
    assert kinds("km0", "app01") == [*signalling, Mark.READY, Mark.ANSWERED]
    assert kinds("km1", "app01") == [*signalling, Mark.READY, Mark.ANSWERED]
    assert kinds("km2", "app23") == [*signalling, Mark.READY, Mark.ANSWERED]


@clause("paper B, IEEE Network 2025", "Fig. 4")
def test_the_relaying_node_has_a_configuration_and_no_authentication() -> None:
    assert kinds("km0", "app23") == [Mark.CONFIGURED, Mark.RELAYED]


def test_lanes_follow_the_order_of_the_network_and_skip_who_did_nothing() -> None:
    order = [NodeId(name) for name in ("km5", "idle", "km0")]
    assert lanes_of(experiment(), order).nodes == ("km5", "km0", "km1", "km2", "km3", "km4")


def test_names_sessions_by_app_and_ends() -> None:
    lanes = lanes_of(experiment())
    assert [each.label for each in lanes.sessions] == ["app01  km0 - km1", "app23  km2 - km3", "app45  km4 - km5"]
    assert [each.app for each in lanes.rows(KM0)] == ["app01", "app23"]
    assert set(ROUTES) == {each.app for each in lanes.sessions}


def test_a_session_that_needs_no_admission_is_named_by_its_configuration() -> None:
    element, ksid, probe = ElementName("km/km0"), Ksid("ksid-of-probe"), AppId("probe")
    answered = KeysAnswered(KM0, ksid, SaeId("probe"), (KeyId("k"),), is_master=True, waited=Duration(0))
    seen = [SessionRequested(KM0, probe, SaeId("probe")), SessionConfigured(KM0, ksid, 1, probe), answered]
    lanes = lanes_of([(Instant(at), element, event) for at, event in enumerate(seen)])
    assert [each.label for each in lanes.sessions] == ["probe  km0"]
    assert [mark.mark for mark in lanes.row(KM0, probe)] == [Mark.REQUESTED, Mark.CONFIGURED, Mark.ANSWERED]


def test_knows_when_the_first_key_was_distilled() -> None:
    assert lanes_of(experiment()).first_block == Instant(57_163_100_000)
    assert lanes_of([]).first_block is None


def test_many_marks_alike_become_the_first_and_the_last() -> None:
    published = session("app01", 60_000)
    ksid = Ksid("ksid-of-app01")
    for number in range(20):
        answered = KeysAnswered(KM0, ksid, SaeId("a"), (KeyId(str(number)),), is_master=True, waited=Duration(0))
        published.append((Instant(70_000_000_000 + number), ElementName("km/km0"), answered))
    answers = [mark for mark in lanes_of(published).row(KM0, AppId("app01")) if mark.mark is Mark.ANSWERED]
    assert [mark.count for mark in answers] == [1, 21]
    assert answers[-1].at == Instant(70_000_000_019)
    assert len(answers) <= MOST_ALIKE


def test_pools_that_are_filled_make_no_further_marks() -> None:
    published = experiment()
    ready, relayed = KeysReady(KM3, KSID23, 64, 2), KeysRelayed(KM0, KSID23, 64)
    later = [(Instant(70_000_000_000), ElementName("km/any"), event) for event in (ready, relayed)]
    assert lanes_of([*published, *later]) == lanes_of(published)


def test_a_refusal_stands_in_the_lane_of_whoever_asked() -> None:
    rejected = SessionRejected(AppId("app01"), SaeId("app01-b"), "no route now", "km1 has no other link")
    unknown = SessionRejected(AppId("app01"), SaeId("nobody"), "not allowed", "there is no such SAE")
    published = [(Instant(10**6), ElementName("admission"), event) for event in (rejected, unknown)]
    requested = SessionRequested(NodeId("km1"), AppId("app01"), SaeId("app01-b"))
    lanes = lanes_of([(Instant(0), ElementName("km/km1"), requested), *published])
    assert [(mark.node, mark.mark) for mark in lanes.marks] == [("km1", Mark.REQUESTED), ("km1", Mark.REFUSED)]


def test_what_belongs_in_no_lane_is_left_out() -> None:
    stock = StockSeen(LinkId("km0--km1"), None, None, (None, None))
    assert lanes_of([(Instant(1), ElementName("monitoring"), stock)]).marks == ()
