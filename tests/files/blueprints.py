"""Any network that a file can say, and any scenario on one, for Hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TypeVar

from hypothesis import strategies as st

from keytwin.files.device import library_device
from keytwin.files.library import device_names
from keytwin.vocabulary import timeline
from keytwin.vocabulary.blueprint import (
    AdmissionSettings,
    App,
    Blueprint,
    ControlSettings,
    Endpoint,
    KeyManagementSettings,
    MonitoringSettings,
    RoutingSettings,
    Sla,
    User,
)
from keytwin.vocabulary.identity import AppId, DeviceId, LinkId, NodeId, SaeId, SlaId, UserId, link_id
from keytwin.vocabulary.medium import (
    FIBRE,
    FREE_SPACE,
    SATELLITE,
    Coexistence,
    Direction,
    FreeSpace,
    Satellite,
    Setting,
    Sky,
)
from keytwin.vocabulary.topology import Node, QLink, Topology
from keytwin.vocabulary.units import (
    Bits,
    BitsPerSecond,
    Decibels,
    DecibelsPerKilometre,
    Duration,
    Instant,
    Kilometres,
    Metres,
    Nanometres,
    Radiance,
    Radians,
    TurbulenceStrength,
    Watts,
)

T = TypeVar("T")

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?", fullmatch=True).filter(lambda n: "--" not in n)
FORBIDDEN = "\x7f\x85\u2028\u2029\ufeff\ufffe\uffff"
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=FORBIDDEN), max_size=40) | st.text(
    "a:#-{}[],&*!|>'\"%@`? \t\n", max_size=12
)
TIMES = st.integers(1_000_000, 10**17).map(Duration)
SHARES = st.floats(0, 1)
RATES = st.integers(1, 10**15).map(BitsPerSecond)
AMOUNTS = st.integers(8, 10**15).map(Bits)
BURSTS = st.integers(65_536, 10**15).map(Bits)  # no smaller than the largest key
KEY_SIZES = st.integers(8, 8_192).map(lambda octets: Bits(8 * octets))
DEVICES = st.sampled_from([DeviceId(name) for name in device_names()])


def finite(most: float) -> st.SearchStrategy[float]:
    return st.floats(0, most, allow_subnormal=False)


ROUTING = st.builds(
    RoutingSettings, metric=st.sampled_from(["hops", "key-aware", "residual"]), k_paths=st.integers(1, 16)
)
ADMISSION = st.builds(
    AdmissionSettings,
    peer_timeout=TIMES,
    inactivity_timeout=TIMES,
    margin=SHARES,
    half_open_sessions=st.integers(1, 100_000),
)
MONITORING = st.builds(
    MonitoringSettings,
    probe_period=TIMES,
    report_period=TIMES,
    qber_alarm=SHARES,
    stock_alarm=AMOUNTS,
    loss_alarm=SHARES,
)
CONTROL = st.builds(ControlSettings, routing=ROUTING, admission=ADMISSION, monitoring=MONITORING)
KEY_MANAGEMENT = st.builds(
    KeyManagementSettings,
    algorithm=st.sampled_from(["pool", "on-demand"]),
    key_size=KEY_SIZES,
    pool_depth=TIMES,
    batch=st.integers(1, 64),
    key_lifetime=TIMES,
    store=AMOUNTS,
    split=SHARES,
)


SHARED = st.builds(
    Coexistence,
    copropagating=st.integers(1, 1_000),
    power=finite(10.0).map(Watts),
    raman=finite(1.0),
    filter=finite(1_000.0).map(Nanometres),
    window=SHARES,
)
AIR = st.builds(
    FreeSpace,
    visibility=st.floats(0.01, 1_000).map(Kilometres),
    divergence=st.floats(1e-8, 0.9).map(Radians),
    sky=st.just(Sky.DAY),
    radiance=st.none() | finite(1e3).map(Radiance),
    turbulence=finite(1e-10).map(TurbulenceStrength),
    overcast=TIMES,
)
ORBIT = st.builds(
    Satellite,
    direction=st.sampled_from(Direction),
    closest=st.none() | st.floats(100, 50_000).map(Kilometres),
    first=st.integers(1, 10**17).map(Duration),
    period=TIMES,
    receiver=st.floats(0.01, 100).map(Metres),
)
MEDIA: Mapping[str, st.SearchStrategy[Setting]] = {FIBRE: SHARED, FREE_SPACE: AIR, SATELLITE: ORBIT}


@st.composite
def links(draw: st.DrawFn, nodes: list[str]) -> tuple[QLink, ...]:
    """Give a chain through all nodes, so that every app has a route, and some parallel links."""
    ids = [link_id(NodeId(a), NodeId(b)) for a, b in pairwise(nodes)]
    names = draw(st.lists(NAMES, unique=True, max_size=2))
    ids += [LinkId(f"{ids[0]}/{name}") for name in names]
    return tuple(draw(_link(link)) for link in ids)


@st.composite
def _link(draw: st.DrawFn, link: LinkId) -> QLink:
    """Give a link of any medium; an attenuation by length is a fibre's alone, and no pass has a length."""
    medium = draw(st.sampled_from(list(MEDIA)))
    is_pass = medium == SATELLITE
    return QLink(
        link,
        draw(DEVICES),
        medium,
        length=Kilometres(0.0 if is_pass else draw(st.just(20.0) | finite(1e5))),
        attenuation=DecibelsPerKilometre(draw(st.just(0.2) | finite(100.0)) if medium == FIBRE else 0.2),
        total_loss=None if is_pass else draw(st.none() | finite(300.0).map(Decibels)),
        setting=draw(st.none() | MEDIA[medium]),
    )


@st.composite
def blueprints(draw: st.DrawFn) -> Blueprint:
    nodes = draw(st.lists(NAMES, unique=True, min_size=2, max_size=5))
    slas = draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    users = draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    apps = draw(st.lists(NAMES, unique=True, max_size=3))
    saes = draw(st.lists(NAMES, unique=True, min_size=2 * len(apps), max_size=2 * len(apps)))
    joined = draw(links(nodes))
    where = [draw(st.permutations(nodes)) for _ in apps]
    return Blueprint(
        name=draw(NAMES),
        topology=Topology(tuple(Node(NodeId(node), draw(TEXTS)) for node in nodes), joined),
        about=draw(TEXTS),
        slas=tuple(Sla(SlaId(sla), draw(st.integers(0, 255)), draw(RATES), draw(BURSTS)) for sla in slas),
        users=tuple(User(UserId(user), SlaId(draw(st.sampled_from(slas))), draw(st.none() | RATES)) for user in users),
        apps=tuple(
            draw(_apps(app, users, (saes[2 * index], saes[2 * index + 1]), where[index]))
            for index, app in enumerate(apps)
        ),
        control=draw(CONTROL),
        key_management=draw(KEY_MANAGEMENT),
        devices=MappingProxyType({link.device: library_device(link.device) for link in joined}),
    )


@st.composite
def _apps(draw: st.DrawFn, name: str, users: list[str], saes: tuple[str, str], where: list[str]) -> App:
    """Give an app with two SAEs, or with one that is master and slave of itself."""
    first, second = (Endpoint(SaeId(sae), NodeId(node)) for sae, node in zip(saes, where, strict=False))
    is_selfpair = draw(st.booleans())
    user = UserId(draw(st.sampled_from(users)))
    return App(AppId(name), user, (first, first if is_selfpair else second), is_selfpair)


def actions(blueprint: Blueprint) -> st.SearchStrategy[timeline.Action]:
    """Give any action on a network that has apps."""
    app = st.sampled_from([app.id for app in blueprint.apps])
    link = st.sampled_from([link.id for link in blueprint.topology.links])
    node = st.sampled_from([node.id for node in blueprint.topology.nodes])
    twins = [f"link/{link.id}" for link in blueprint.topology.links]
    element = st.sampled_from(["access", "controller", *twins])
    asking = st.builds(
        timeline.AskKeys,
        app=app,
        number=st.integers(1, 1_000),
        size=st.none() | KEY_SIZES,
        times=st.integers(1, 10**7),
        every=st.just(Duration(0)) | TIMES,
        masters=st.sampled_from(["first", "second", "both"]),
    )
    faults = st.builds(timeline.MessageFaults, drop=SHARES, duplicate=SHARES, delay=TIMES, lasting=TIMES)
    return st.one_of(
        asking,
        faults,
        st.builds(timeline.OpenApp, app),
        st.builds(timeline.CloseApp, app),
        st.builds(timeline.CutLink, link),
        st.builds(timeline.HealLink, link),
        st.builds(timeline.DistrustNode, node),
        st.builds(timeline.StopElement, element),
        st.builds(timeline.RestartElement, element),
    )


@st.composite
def scenarios(draw: st.DrawFn, blueprint: Blueprint) -> timeline.Scenario:
    duration = draw(TIMES)
    times = st.integers(0, duration).map(Instant)
    return timeline.Scenario(
        name=draw(NAMES),
        blueprint=blueprint,
        duration=duration,
        about=draw(TEXTS),
        seed=draw(st.none() | st.integers(0, 2**63 - 1)),
        steps=tuple(draw(st.lists(st.builds(timeline.Step, times, actions(blueprint)), max_size=4))),
        expect=draw(
            st.builds(
                timeline.Expectations,
                keys_equal=st.booleans(),
                keys=st.none() | st.integers(0, 10**9),
                answered_last=st.none() | st.sampled_from([app.id for app in blueprint.apps]),
                sessions_end=st.booleans(),
            )
        ),
    )
