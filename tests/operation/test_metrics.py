"""What a live network counts, and how it is named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from keytwin.operation.metrics import COUNTERS, GAUGES, SEEN, WAIT, WAIT_BOUNDS, WAIT_HELP, WAIT_LABELS, Metrics, Waits
from keytwin.runtime.trace import EVENT_TYPES
from keytwin.vocabulary.events import (
    AlarmRaised,
    BlockDiscarded,
    BlockDistilled,
    BlockPlaced,
    ElementRestarted,
    FallbackBegun,
    FallbackOver,
    KeyAsked,
    KeyDenied,
    KeysAnswered,
    KeysGone,
    KeysReady,
    KeysRelayed,
    LinkProbed,
    LinkStatusChanged,
    SecretRefused,
    SessionAdmitted,
    SessionConfigured,
    SessionOver,
    SessionRejected,
    SessionReleased,
    StockSeen,
    ViolationSeen,
)
from keytwin.vocabulary.identity import ADMISSION, AppId, KeyId, Ksid, LinkId, NodeId, SaeId, km_of, link_id
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, milliseconds, seconds
from tests.architecture.source import ROOT

A, B = NodeId("a"), NodeId("b")
LINK: LinkId = link_id(A, B)
K, ALICE, TALK = Ksid("k"), SaeId("alice"), AppId("talk")
ADMITTED = SessionAdmitted(K, TALK, 1, Route((A, B), (LINK,)), BitsPerSecond(1000))

Sample = tuple[str, frozenset[tuple[str, str]]]


def told(*events: Event) -> Metrics:
    metrics = Metrics("pair", "1.2")
    for event in events:
        metrics.see(Instant(0), km_of(A), event)
    return metrics


def samples(metrics: Metrics) -> dict[Sample, float]:
    """Read the text as Prometheus would."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((name, frozenset(labels.items())))


# --- events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "name", "labels", "expected"),
    [
        (KeyAsked(A, K, ALICE, 7), "keytwin_keys_asked_total", {"node": "a"}, 7),
        (KeyAsked(A, K, ALICE, 7), "keytwin_key_requests_total", {"node": "a"}, 1),
        (
            KeyDenied(A, ALICE, "key unavailable"),
            "keytwin_key_requests_denied_total",
            {"node": "a", "reason": "key unavailable"},
            1,
        ),
        (KeysReady(A, K, 64, 2), "keytwin_keys_made_total", {"node": "a"}, 64),
        (KeysRelayed(A, K, 64), "keytwin_keys_relayed_total", {"node": "a"}, 64),
        (KeysGone(A, K, 3, "expired"), "keytwin_keys_wiped_total", {"node": "a", "cause": "expired"}, 3),
        (ADMITTED, "keytwin_sessions_admitted_total", {}, 1),
        (
            SessionRejected(TALK, ALICE, "no route now", "all are full"),
            "keytwin_sessions_rejected_total",
            {"reason": "no route now"},
            1,
        ),
        (SessionReleased(K, TALK, "closed"), "keytwin_sessions_released_total", {"reason": "closed"}, 1),
        (
            BlockDistilled(LINK, 1, Bits(900), 0.02, seconds(1)),
            "keytwin_link_secret_bits_total",
            {"link": LINK},
            900,
        ),
        (
            BlockDistilled(LINK, 1, Bits(900), 0.02, seconds(1), is_kept=False),
            "keytwin_link_blocks_total",
            {"link": LINK, "kept": "no"},
            1,
        ),
        (BlockPlaced(A, LINK, 1, Bits(900)), "keytwin_link_placed_bits_total", {"link": LINK, "node": "a"}, 900),
        (
            BlockDiscarded(A, LINK, 1, Bits(9), "no room"),
            "keytwin_link_discarded_bits_total",
            {"link": LINK, "node": "a", "cause": "no room"},
            9,
        ),
        (LinkProbed(A, LINK, None), "keytwin_link_probes_total", {"link": LINK, "node": "a", "answered": "no"}, 1),
        (LinkStatusChanged(LINK, "ACTIVE", "up"), "keytwin_link_status", {"link": LINK, "status": "ACTIVE"}, 1),
        (LinkStatusChanged(LINK, "ACTIVE", "up"), "keytwin_link_status", {"link": LINK, "status": "OFF"}, 0),
        (AlarmRaised(LINK, "qber", is_on=True), "keytwin_alarm", {"link": LINK, "cause": "qber"}, 1),
        (ViolationSeen("TagMismatch", "x"), "keytwin_violations_total", {"kind": "TagMismatch"}, 1),
    ],
)
def test_an_event_is_counted(event: Event, name: str, labels: dict[str, str], expected: float) -> None:
    assert value(told(event), name, **labels) == expected


def test_counts_add_up_and_levels_are_replaced() -> None:
    metrics = told(
        *(KeyAsked(A, K, ALICE, 2) for _ in range(3)),
        AlarmRaised(LINK, "qber", is_on=True),
        AlarmRaised(LINK, "qber", is_on=False),
    )
    assert value(metrics, "keytwin_keys_asked_total", node="a") == 6
    assert value(metrics, "keytwin_alarm", link=LINK, cause="qber") == 0


def test_the_two_ends_of_a_key_are_told_apart() -> None:
    ids = (KeyId("1"), KeyId("2"))
    metrics = told(
        KeysAnswered(A, K, ALICE, ids, is_master=True, waited=milliseconds(2)),
        KeysAnswered(B, K, SaeId("bob"), ids[:1], is_master=False, waited=Duration(0)),
    )
    assert value(metrics, "keytwin_keys_delivered_total", node="a", end="master") == 2
    assert value(metrics, "keytwin_keys_delivered_total", node="b", end="slave") == 1
    assert value(metrics, f"{WAIT}_sum", node="a", end="master") == pytest.approx(0.002)
    assert value(metrics, f"{WAIT}_bucket", node="a", end="master", le="0.001") == 0
    assert value(metrics, f"{WAIT}_bucket", node="a", end="master", le="0.0025") == 1
    assert value(metrics, f"{WAIT}_count", node="b", end="slave") == 1


def test_a_session_counts_once_whatever_its_routes() -> None:
    metrics = told(ADMITTED, ADMITTED)
    assert value(metrics, "keytwin_sessions_admitted_total") == 1
    assert value(metrics, "keytwin_session_routes_total") == 2
    metrics.see(Instant(0), ADMISSION, SessionReleased(K, TALK, "closed"))
    assert metrics.admitted == set()


def test_what_monitoring_has_not_measured_has_no_level() -> None:
    metrics = told(StockSeen(LINK, None, None, (Bits(512), None)))
    assert value(metrics, "keytwin_link_stock_bits", link=LINK, node="a") == 512
    assert value(metrics, "keytwin_link_stock_bits", link=LINK, node="b") is None
    assert value(metrics, "keytwin_link_qber_ratio", link=LINK) is None
    metrics.see(Instant(0), km_of(A), StockSeen(LINK, BitsPerSecond(1500), 0.03, (None, Bits(1))))
    assert value(metrics, "keytwin_link_rate_bits_per_second", link=LINK) == 1500
    assert value(metrics, "keytwin_link_qber_ratio", link=LINK) == pytest.approx(0.03)
    assert value(metrics, "keytwin_link_stock_bits", link=LINK, node="a") == 512


def test_sessions_that_have_fallen_back_are_counted_until_they_return_or_end() -> None:
    other = Ksid("other")
    begun = [FallbackBegun(A, ksid, TALK, "hybrid-xor", "pqc-only") for ksid in (K, other)]
    metrics = told(*begun, SecretRefused(A, K, 3, 1), SecretRefused(A, K, 0, 2))
    assert value(metrics, "keytwin_fallbacks_total", node="a") == 2
    assert value(metrics, "keytwin_secrets_refused_total", node="a") == 3
    assert value(metrics, "keytwin_secrets_doubted_total", node="a") == 1
    assert value(metrics, "keytwin_sessions_fallen_back", node="a") == 2
    metrics.see(Instant(0), km_of(A), FallbackOver(A, K, TALK, "hybrid-xor"))
    assert value(metrics, "keytwin_sessions_fallen_back", node="a") == 1
    metrics.see(Instant(0), km_of(A), SessionOver(A, other, "closed"))
    assert value(metrics, "keytwin_sessions_fallen_back", node="a") == 0


def test_restarts_are_counted_by_element() -> None:
    metrics = told(ElementRestarted(km_of(A)), ElementRestarted(km_of(B)))
    assert value(metrics, "keytwin_element_restarts_total", element="km/a") == 1


def test_other_events_change_nothing() -> None:
    assert samples(told(SessionConfigured(A, K, 1, TALK))) == samples(told())


# --- names ------------------------------------------------------------------------------------------------------------


def test_every_metric_has_help_even_before_it_has_a_value() -> None:
    text = told().text()
    for name in COUNTERS:
        assert f"# HELP {name}_total " in text
    for name in (*GAUGES, WAIT):
        assert f"# HELP {name} " in text


def test_every_metric_is_documented_as_it_is() -> None:
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(keytwin_\w+)` \| (.+) \|$", page, flags=re.MULTILINE))
    declared = {f"{name}_total": ("counter", *each) for name, each in COUNTERS.items()}
    declared |= {name: ("gauge", *each) for name, each in GAUGES.items()}
    declared[WAIT] = ("histogram", WAIT_HELP, WAIT_LABELS)
    assert rows == {
        name: f"{kind} | {', '.join(f'`{label}`' for label in labels)} | {about}"
        for name, (kind, about, labels) in declared.items()
    }


def test_says_what_runs() -> None:
    assert value(told(), "keytwin_info", network="pair", version="1.2") == 1


def test_no_label_holds_what_a_peer_may_choose() -> None:
    chosen = {"sae", "app", "ksid", "key_id", "about", "explanation"}
    labels = {label for declared in (COUNTERS, GAUGES) for _, names in declared.values() for label in names}
    assert labels & chosen == set()


def test_only_events_that_exist_are_counted() -> None:
    assert set(SEEN) <= set(EVENT_TYPES.values())


def test_a_hostile_name_is_quoted() -> None:
    metrics = told(ViolationSeen('x"} 1\nforged_total 9', "y"))
    assert value(metrics, "keytwin_violations_total", kind='x"} 1\nforged_total 9') == 1
    assert value(metrics, "forged_total") is None


# --- waits ------------------------------------------------------------------------------------------------------------


def test_a_wait_that_equals_a_bound_is_below_it() -> None:
    waits = Waits()
    waits.add(WAIT_BOUNDS[3], 2)
    assert dict(waits.cumulative())[str(WAIT_BOUNDS[3])] == 1
    assert dict(waits.cumulative())[str(WAIT_BOUNDS[2])] == 0


@given(st.lists(st.floats(0, 1e4)))
def test_buckets_hold_what_is_not_above_them(times: list[float]) -> None:
    waits = Waits()
    for each in times:
        waits.add(each, 2)
    counts = dict(waits.cumulative())
    assert counts["+Inf"] == len(times)
    assert all(counts[str(bound)] == sum(each <= bound for each in times) for bound in WAIT_BOUNDS)
    assert waits.total == pytest.approx(sum(times))
    assert waits.keys == 2 * len(times)
