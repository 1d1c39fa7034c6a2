"""All metrics of a live network, by name, with what they count and in which unit; made from events and nothing else.

Labels hold names that the network file declares and reasons that keytwin words: nothing that a peer may choose.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

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
    SessionOnStock,
    SessionOver,
    SessionRejected,
    SessionReleased,
    StockSeen,
    ViolationSeen,
)
from keytwin.vocabulary.identity import ElementName, Ksid, NodeId, link_ends
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.topology_messages import LinkStatus
from keytwin.vocabulary.units import Instant, in_seconds

Labels = tuple[str, ...]
Declared = Mapping[str, tuple[str, Labels]]

DELIVERED: Final = "keytwin_keys_delivered"  # counted with the waits for them
COUNTERS: Final[Declared] = MappingProxyType(
    {
        "keytwin_key_requests": ("Requests of masters for fresh keys.", ("node",)),
        "keytwin_keys_asked": ("Keys that masters asked for.", ("node",)),
        DELIVERED: ("Keys handed to SAEs; `end` is master or slave.", ("node", "end")),
        "keytwin_key_requests_denied": ("Requests for keys that were refused.", ("node", "reason")),
        "keytwin_keys_made": ("Keys that became available at both ends.", ("node",)),
        "keytwin_keys_relayed": ("Keys that a trusted node re-encrypted for its next hop.", ("node",)),
        "keytwin_keys_wiped": ("Keys that were wiped before anybody fetched them.", ("node", "cause")),
        "keytwin_sessions_admitted": ("Sessions that were granted a route, each once.", ()),
        "keytwin_session_routes": ("Routes given to sessions, the first of each and later ones.", ()),
        "keytwin_sessions_rejected": ("Sessions that access or admission refused.", ("reason",)),
        "keytwin_sessions_on_stock": ("Times that a session whose only way went dark lived on, on stock.", ()),
        "keytwin_fallbacks": ("Times that an end began to make keys without quantum key.", ("node",)),
        "keytwin_secrets_doubted": ("Words in a session's name that its other end does not vouch for.", ("node",)),
        "keytwin_secrets_refused": ("Keys that were not taken, for want of their post-quantum secret.", ("node",)),
        "keytwin_sessions_released": ("Sessions that ended, with nothing reserved any more.", ("reason",)),
        "keytwin_link_blocks": ("Key blocks distilled; `kept` no = there was no room for them.", ("link", "kept")),
        "keytwin_link_secret_bits": ("Secret bits distilled, kept or not.", ("link",)),
        "keytwin_link_placed_bits": ("Secret bits that both ends agreed on and this end took in.", ("link", "node")),
        "keytwin_link_discarded_bits": ("Secret bits that this end did not take in.", ("link", "node", "cause")),
        "keytwin_link_probes": ("Active tests of a link; `answered` is yes or no.", ("link", "node", "answered")),
        "keytwin_violations": ("Messages that broke the protocol, or were refused as forged.", ("kind",)),
        "keytwin_element_restarts": ("Times that an element was started again after a crash.", ("element",)),
    }
)
GAUGES: Final[Declared] = MappingProxyType(
    {
        "keytwin_link_rate_bits_per_second": ("Secret key rate of a link as monitoring measures it.", ("link",)),
        "keytwin_link_qber_ratio": ("Quantum bit error rate of a link, from 0 to 1.", ("link",)),
        "keytwin_link_stock_bits": ("Key that a node holds and may send over a link.", ("link", "node")),
        "keytwin_link_status": ("1 for the status that the controller gives a link, else 0.", ("link", "status")),
        "keytwin_sessions_fallen_back": ("Sessions that an end makes keys for without quantum key now.", ("node",)),
        "keytwin_alarm": ("1 while an alarm of monitoring is on, else 0.", ("link", "cause")),
    }
)
WAIT: Final = "keytwin_key_wait_seconds"
WAIT_HELP: Final = "Time from a request for keys to its answer."
WAIT_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
WAIT_LABELS: Final = ("node", "end")


class Metrics(Collector):
    """Counts as a listener of a network; what it has counted is read by `text`.

    Plain sums in dictionaries, given names only when they are read: an event costs no lock and no lookup by label.
    """

    def __init__(self, network: str, version: str) -> None:
        self.counts: defaultdict[str, defaultdict[Labels, int]] = defaultdict(_sums)
        self.levels: defaultdict[str, dict[Labels, float]] = defaultdict(dict)
        self.waits: defaultdict[Labels, Waits] = defaultdict(Waits)
        self.fallen: defaultdict[NodeId, set[Ksid]] = defaultdict(set)
        self.admitted: set[Ksid] = set()  # since the start, and not released yet
        self._about = {"network": network, "version": version}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        """Hear of an event, as a listener of the network."""
        see = SEEN.get(type(event))
        if see is not None:
            see(self, event)

    def text(self) -> str:
        """Return everything in the text format of Prometheus, version 0.0.4."""
        return generate_latest(self._registry).decode()

    def add(self, counter: str, amount: int, *labels: str) -> None:
        """Count on."""
        self.counts[counter][labels] += amount

    def set(self, gauge: str, level: float, *labels: str) -> None:
        """Note a level."""
        self.levels[gauge][labels] = level

    def collect(self) -> Iterator[Metric]:
        """Give every metric, those without a value yet by name and help alone."""
        yield InfoMetricFamily("keytwin", "The network that runs, and the version of keytwin.", value=self._about)
        delivered = {values: waits.keys for values, waits in self.waits.items()}
        for name, (about, labels) in COUNTERS.items():
            counter = CounterMetricFamily(name, about, labels=labels)
            for values, total in (delivered if name == DELIVERED else self.counts[name]).items():
                counter.add_metric(values, total)
            yield counter
        for name, (about, labels) in GAUGES.items():
            gauge = GaugeMetricFamily(name, about, labels=labels)
            for values, level in self.levels[name].items():
                gauge.add_metric(values, level)
            yield gauge
        histogram = HistogramMetricFamily(WAIT, WAIT_HELP, labels=WAIT_LABELS)
        for values, waits in self.waits.items():
            histogram.add_metric(values, list(waits.cumulative()), waits.total)
        yield histogram


class Waits:
    """A histogram of times in seconds, and the keys that were waited for."""

    def __init__(self) -> None:
        self._counts = [0] * (len(WAIT_BOUNDS) + 1)
        self.total = 0.0
        self.keys = 0

    def add(self, waited: float, keys: int) -> None:
        """Count one time; one that equals a bound is below it."""
        self._counts[bisect_left(WAIT_BOUNDS, waited)] += 1
        self.total += waited
        self.keys += keys

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Give each upper bound and how many times are not above it."""
        count = 0
        for bound, here in zip((*map(str, WAIT_BOUNDS), "+Inf"), self._counts, strict=True):
            count += here
            yield bound, count


def _sums() -> defaultdict[Labels, int]:
    return defaultdict(int)


# --- what each event adds ---------------------------------------------------------------------------------------------


def _asked(metrics: Metrics, event: KeyAsked) -> None:
    metrics.add("keytwin_key_requests", 1, event.node)
    metrics.add("keytwin_keys_asked", event.number, event.node)


def _answered(metrics: Metrics, event: KeysAnswered) -> None:
    waits = metrics.waits[event.node, "master" if event.is_master else "slave"]
    waits.add(in_seconds(event.waited), len(event.key_ids))


def _denied(metrics: Metrics, event: KeyDenied) -> None:
    metrics.add("keytwin_key_requests_denied", 1, event.node, event.reason)


def _made(metrics: Metrics, event: KeysReady) -> None:
    metrics.add("keytwin_keys_made", event.number, event.node)


def _relayed(metrics: Metrics, event: KeysRelayed) -> None:
    metrics.add("keytwin_keys_relayed", event.number, event.node)


def _wiped(metrics: Metrics, event: KeysGone) -> None:
    metrics.add("keytwin_keys_wiped", event.number, event.node, event.cause)


def _admitted(metrics: Metrics, event: SessionAdmitted) -> None:
    metrics.add("keytwin_session_routes", 1)
    if event.ksid not in metrics.admitted:  # told again with each new route
        metrics.admitted.add(event.ksid)
        metrics.add("keytwin_sessions_admitted", 1)


def _rejected(metrics: Metrics, event: SessionRejected) -> None:
    metrics.add("keytwin_sessions_rejected", 1, event.reason)


def _on_stock(metrics: Metrics, event: SessionOnStock) -> None:
    del event
    metrics.add("keytwin_sessions_on_stock", 1)


def _fell_back(metrics: Metrics, event: FallbackBegun) -> None:
    metrics.add("keytwin_fallbacks", 1, event.node)
    metrics.fallen[event.node].add(event.ksid)
    _count_fallen(metrics, event.node)


def _returned(metrics: Metrics, event: FallbackOver | SessionOver) -> None:
    if event.ksid in metrics.fallen[event.node]:
        metrics.fallen[event.node].discard(event.ksid)
        _count_fallen(metrics, event.node)


def _count_fallen(metrics: Metrics, node: NodeId) -> None:
    metrics.set("keytwin_sessions_fallen_back", len(metrics.fallen[node]), node)


def _refused_secret(metrics: Metrics, event: SecretRefused) -> None:
    if event.number:
        metrics.add("keytwin_secrets_refused", event.number, event.node)
    else:
        metrics.add("keytwin_secrets_doubted", 1, event.node)


def _released(metrics: Metrics, event: SessionReleased) -> None:
    metrics.admitted.discard(event.ksid)
    metrics.add("keytwin_sessions_released", 1, event.reason)


def _distilled(metrics: Metrics, event: BlockDistilled) -> None:
    metrics.add("keytwin_link_blocks", 1, event.link, "yes" if event.is_kept else "no")
    metrics.add("keytwin_link_secret_bits", event.size, event.link)


def _placed(metrics: Metrics, event: BlockPlaced) -> None:
    metrics.add("keytwin_link_placed_bits", event.size, event.link, event.node)


def _discarded(metrics: Metrics, event: BlockDiscarded) -> None:
    metrics.add("keytwin_link_discarded_bits", event.size, event.link, event.node, event.cause)


def _probed(metrics: Metrics, event: LinkProbed) -> None:
    metrics.add("keytwin_link_probes", 1, event.link, event.node, "no" if event.delay is None else "yes")


def _status(metrics: Metrics, event: LinkStatusChanged) -> None:
    for status in LinkStatus:
        metrics.set("keytwin_link_status", status.value == event.status, event.link, status.value)


def _alarm(metrics: Metrics, event: AlarmRaised) -> None:
    metrics.set("keytwin_alarm", event.is_on, event.link, event.cause)


def _stock(metrics: Metrics, event: StockSeen) -> None:
    if event.rate is not None:
        metrics.set("keytwin_link_rate_bits_per_second", event.rate, event.link)
    if event.qber is not None:
        metrics.set("keytwin_link_qber_ratio", event.qber, event.link)
    ends: tuple[NodeId, NodeId] = link_ends(event.link)
    for node, stock in zip(ends, event.stocks, strict=True):
        if stock is not None:
            metrics.set("keytwin_link_stock_bits", stock, event.link, node)


def _restarted(metrics: Metrics, event: ElementRestarted) -> None:
    metrics.add("keytwin_element_restarts", 1, event.name)


def _violation(metrics: Metrics, event: ViolationSeen) -> None:
    metrics.add("keytwin_violations", 1, event.kind)


SEEN: Final[Mapping[type[Event], Callable[..., None]]] = MappingProxyType(
    {
        KeyAsked: _asked,
        KeysAnswered: _answered,
        KeyDenied: _denied,
        KeysReady: _made,
        KeysRelayed: _relayed,
        KeysGone: _wiped,
        SessionAdmitted: _admitted,
        SessionRejected: _rejected,
        SessionOnStock: _on_stock,
        FallbackBegun: _fell_back,
        FallbackOver: _returned,
        SessionOver: _returned,
        SecretRefused: _refused_secret,
        SessionReleased: _released,
        BlockDistilled: _distilled,
        BlockPlaced: _placed,
        BlockDiscarded: _discarded,
        LinkProbed: _probed,
        LinkStatusChanged: _status,
        AlarmRaised: _alarm,
        StockSeen: _stock,
        ElementRestarted: _restarted,
        ViolationSeen: _violation,
    }
)
"""What is counted of which event; those that are not here say nothing that another one doesn't."""
