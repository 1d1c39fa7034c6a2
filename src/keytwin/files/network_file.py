"""What stands in `network.yaml`, said once: it drives reading, the JSON Schema and writing back."""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.files.apps import APPS
from keytwin.files.kinds import (
    KEY_SIZE,
    POSITIVE_BITS,
    POSITIVE_RATE,
    SHARE,
    SOME_TIME,
    TEXT,
    Reference,
    choice,
    count,
    name,
)
from keytwin.files.links import LINK_VALUES, LinkLine, Links, LinkValues
from keytwin.files.shapes import Entries, Field, FormatOne, Record
from keytwin.vocabulary.blueprint import (
    AdmissionSettings,
    App,
    Fidelity,
    KeyManagementSettings,
    MonitoringSettings,
    Relay,
    RoutingSettings,
    Sla,
    TwinSettings,
    User,
)
from keytwin.vocabulary.identity import SlaId, parse_name, parse_node, parse_user
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.placement import Placement
from keytwin.vocabulary.topology import Node

LOWEST_PRIORITY: Final = 255  # with an ageing step of seconds, anything lower would wait for minutes anyway
MOST_PATHS: Final = 16
MOST_ROUTES: Final = 8
MOST_HALF_OPEN: Final = 100_000
MOST_OF_ONE_SECRET: Final = 1_000_000  # no bound of cryptography: so that a secret that got out tells few keys
LARGEST_BATCH: Final = 64  # keys that share the tag of one relay message


class Defaults(msgspec.Struct, frozen=True):
    """What holds where nothing else is said."""

    link: LinkValues = LinkValues()


class Control(msgspec.Struct, frozen=True):
    """The settings of the control and key management planes, which share a section."""

    routing: RoutingSettings = RoutingSettings()
    admission: AdmissionSettings = AdmissionSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    key_management: KeyManagementSettings = KeyManagementSettings()
    placement: Placement = Placement.CENTRAL


class NetworkFile(msgspec.Struct, frozen=True):
    """A network file as it is written: the links not yet completed by the defaults."""

    name: str
    format: int = 1
    about: str = ""
    defaults: Defaults = Defaults()
    nodes: tuple[Node, ...] = ()
    links: tuple[LinkLine, ...] = ()
    slas: tuple[Sla, ...] = ()
    users: tuple[User, ...] = ()
    apps: tuple[App, ...] = ()
    control: Control = Control()
    twin: TwinSettings = TwinSettings()


DEFAULTS: Final = Record(
    "the defaults", Defaults, (Field("link", LINK_VALUES, "what holds for each link that says nothing else"),)
)

NODE: Final = Record("a node", Node, (Field("about", TEXT, "what people should know of this node"),))

SLA: Final = Record(
    "an SLA",
    Sla,
    (
        Field("priority", count(0, LOWEST_PRIORITY), "a whole number; 0 is served first", required=True),
        Field("rate", POSITIVE_RATE, "the average rate of one session, such as 64 kbit/s", required=True),
        Field("burst", POSITIVE_BITS, "the most key a session gets at once, such as 256 kbit", required=True),
        Field(
            "routes",
            count(1, MOST_ROUTES),
            "how many routes without a common node a session takes at once: above 1 each key is the XOR of as many "
            "shares, and no single node between learns it",
        ),
        Field(
            "on_stock",
            SOME_TIME,
            "how long a session whose only way is dark may live on the key in stock of it, such as 10 min; left out, "
            "it ends at once",
        ),
        Field(
            "mode",
            choice("key mode", KeyMode),
            "what its keys are made of: quantum key (qkd-only), a post-quantum secret that the two ends agree "
            "(pqc-only), or both, by XOR (hybrid-xor) or by a key derivation (hybrid-catkdf)",
        ),
        Field(
            "fallback",
            choice("fallback", Fallback),
            "what its keys may be made of while there is no quantum key: nothing else (none), or the post-quantum "
            "secret alone (pqc-only), which is alarmed and recorded",
        ),
    ),
)

USER: Final = Record(
    "a user",
    User,
    (
        Field("sla", Reference("SLA", SlaId), "what the user may ask, under `slas`", required=True, stand_in=SlaId("")),
        Field(
            "quota", POSITIVE_RATE, "bound on the sum of the rates of all sessions of the user; unlimited if left out"
        ),
    ),
)

ROUTING: Final = Record(
    "the routing settings",
    RoutingSettings,
    (
        Field(
            "metric", Reference("routing metric", str), "what makes a route long: hops, or one that knows the stocks"
        ),
        Field("k_paths", count(1, MOST_PATHS), "how many node-disjoint routes are offered to admission"),
    ),
)

ADMISSION: Final = Record(
    "the admission settings",
    AdmissionSettings,
    (
        Field("peer_timeout", SOME_TIME, "how long an opened session waits for the other end"),
        Field("inactivity_timeout", SOME_TIME, "how long a session lives without a request for key"),
        Field("margin", SHARE, "share of a link's measured rate that is never granted"),
        Field(
            "half_open_sessions", count(1, MOST_HALF_OPEN), "sessions of a user that may wait for their peer at once"
        ),
    ),
)

MONITORING: Final = Record(
    "the monitoring settings",
    MonitoringSettings,
    (
        Field("probe_period", SOME_TIME, "time between two active tests of a link"),
        Field("report_period", SOME_TIME, "time between two reports of a link's stock"),
        Field("qber_alarm", SHARE, "quantum bit error rate above which the operator is warned"),
        Field("stock_alarm", POSITIVE_BITS, "stock of a link below which the operator is warned"),
        Field("loss_alarm", SHARE, "share of unanswered probes above which the operator is warned"),
    ),
)

KEY_MANAGEMENT: Final = Record(
    "the key management settings",
    KeyManagementSettings,
    (
        Field(
            "algorithm", Reference("key management algorithm", str), "pool: keys made ahead; on-demand: when asked for"
        ),
        Field(
            "relay",
            choice("relay method", Relay),
            "how keys cross trusted nodes: under one-time pad from link to link (one-time-pad), or as the first link's "
            "key, to which nodes between announce the way, to one another (xor-announced) or to a central point that "
            "sums it up (xor-central)",
        ),
        Field("key_size", KEY_SIZE, "size of a key whose request names none"),
        Field("pool_depth", SOME_TIME, "how much is made ahead: so much time at the granted rate"),
        Field("batch", count(1, LARGEST_BATCH), "most keys in one relay message"),
        Field("key_lifetime", SOME_TIME, "how long a key that nobody fetches is kept"),
        Field("store", POSITIVE_BITS, "most key kept of each direction of a link"),
        Field("generation", count(1, MOST_OF_ONE_SECRET), "most keys that one post-quantum secret goes into"),
        Field("split", SHARE, "share of each block for the direction out of the link's first node"),
    ),
)

CONTROL: Final = Record(
    "the control settings",
    Control,
    (
        Field(
            "placement",
            choice("placement of control", Placement),
            "one control plane for all (central), or admission, routing, monitoring and controller at each node",
        ),
        Field("routing", ROUTING, "how routes are chosen"),
        Field("admission", ADMISSION, "time-outs and margins of admission control"),
        Field("monitoring", MONITORING, "how links are watched"),
        Field("key_management", KEY_MANAGEMENT, "how keys are made and kept at the key managers"),
    ),
)

TWIN: Final = Record(
    "the twin settings",
    TwinSettings,
    (Field("physics", choice("fidelity", Fidelity), "how closely the physics is followed: counts of each block"),),
)

_HEAD: Final = (
    Field("format", FormatOne(), "the number of this format: 1", required=True, stand_in=1),
    Field(
        "name", name("a network", lambda text: parse_name(text, "a network")), "its name", required=True, stand_in=""
    ),
    Field("about", TEXT, "what it is and where it comes from"),
)
_GRAPH: Final = (
    Field(
        "nodes",
        Entries("node", parse_node, NODE, least=1),
        "the trusted nodes, each with a key manager",
        required=True,
        stand_in=(),
    ),
    Field("links", Links(), "the Q-links, each with the KM link beside it", required=True, stand_in=()),
)
_REST: Final = (
    Field("slas", Entries("SLA", lambda text: parse_name(text, "an SLA"), SLA), "what classes of users may ask"),
    Field("users", Entries("user", parse_user, USER), "the owners of apps"),
    Field("apps", APPS, "the pairs of SAEs that want keys in common"),
    Field("control", CONTROL, "settings of the control and key management planes"),
    Field("twin", TWIN, "how the quantum layer is emulated"),
)
_DEFAULTS: Final = Field("defaults", DEFAULTS, "what holds where nothing else is said")

NETWORK: Final = Record("a network", NetworkFile, (*_HEAD, _DEFAULTS, *_GRAPH, *_REST))
"""The whole file."""

OVERRIDES: Final = (_DEFAULTS, *_REST)
"""What a scenario may lay over a network: everything but its name and its graph."""
