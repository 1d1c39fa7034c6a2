"""What a stakeholder needs, in numbers: verbatim text, measure, threshold, priority, and under what conditions.

A need is whatever somebody asks for; a measure makes it comparable. Paper A leaves needs to experts (IV-C, step 4);
here they are data. The verification methods are those of ISO/IEC/IEEE 15288, the columns of evidence the six figures of
merit of ITU-T Y.3807 (recalled).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType

from keytwin.design.model import Method
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import DeviceId, NodeId, VariantId, VariationPointId, link_id
from keytwin.vocabulary.medium import Satellite
from keytwin.vocabulary.units import (
    NANOSECONDS_PER_SECOND,
    QUANTITIES,
    Bits,
    Decibels,
    DecibelsPerKilometre,
    Duration,
    Kilometres,
    kilobits,
    parse_bits,
    parse_count,
    parse_duration,
)

NeedId = NewType("NeedId", str)


class Priority(StrEnum):
    """How much a need weighs: a `must` that is not met rejects a design, and nothing outweighs it."""

    MUST = "must"
    SHOULD = "should"
    COULD = "could"


class Sense(StrEnum):
    """Which side of the threshold is good."""

    AT_LEAST = "at-least"
    AT_MOST = "at-most"


class Failure(StrEnum):
    """What a need must be met in spite of."""

    CUT = "cut"
    """Links are dark."""
    ATTACK = "attack"
    """Channels are attacked: all links over one medium between the same two sites give no key."""
    KILL = "kill"
    """Relays are down."""


_OBJECTS: Final = MappingProxyType({Failure.CUT: "link", Failure.ATTACK: "channel", Failure.KILL: "node"})


@dataclass(frozen=True, slots=True)
class Condition:
    """So many failures at once, whichever are worst."""

    failure: Failure
    count: int = 1

    def __str__(self) -> str:
        """Write it as in a file: `cut(1 link)`."""
        thing = _OBJECTS[self.failure]
        return f"{self.failure}({self.count} {thing}{'' if self.count == 1 else 's'})"


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that can be found out about a design and compared with a threshold."""

    name: str
    quantity: str
    """A key of `units.QUANTITIES`, or one of "count", "money", "level"."""
    sense: Sense
    about: str
    methods: tuple[Method, ...]
    """How it can be found out, the strongest last: TEST is a run of the network."""
    column: str = ""
    """Of ITU-T Y.3807."""

    @property
    def is_of_pairs(self) -> bool:
        """Whether it is a property of pairs of sites; else of the whole."""
        return self in _OF_PAIRS


_ANALYSIS: Final = (Method.ANALYSIS,)
_BOTH: Final = (Method.ANALYSIS, Method.TEST)
_RUN: Final = (Method.TEST,)
_COUNTED: Final = (Method.INSPECTION,)

_OF_PAIRS: Final = (
    Measure("key-rate", "rate", Sense.AT_LEAST, "end-to-end key for each pair, all pairs at once", _BOTH, "rate"),
    Measure("one-time-pad", "rate", Sense.AT_LEAST, "traffic of each pair that uses up key bit for bit", _BOTH, "rate"),
    Measure("latency", "duration", Sense.AT_MOST, "wait for a key, of 99 in 100 requests", _RUN, "latency"),
    Measure("set-up-time", "duration", Sense.AT_MOST, "from the wish for a session to its first key", _RUN),
    Measure("availability", "share", Sense.AT_LEAST, "share of requests that are answered", _RUN, "availability"),
    Measure("restoration", "duration", Sense.AT_MOST, "from a failure to the next key of a pair", _RUN),
    Measure("links-survived", "count", Sense.AT_LEAST, "links that may fail, whichever", _ANALYSIS),
    Measure("nodes-survived", "count", Sense.AT_LEAST, "relays that may fail, whichever", _ANALYSIS),
    Measure("channels-survived", "count", Sense.AT_LEAST, "channels that may be attacked", _BOTH),
    Measure("autonomy", "duration", Sense.AT_LEAST, "how long stored key lasts while no light passes", _ANALYSIS),
    Measure("own-relays", "count", Sense.AT_MOST, "relays of the stakeholder that see a key", _COUNTED),
    Measure("third-party-relays", "count", Sense.AT_MOST, "relays of others that see a key", _COUNTED),
    Measure("compromise", "share", Sense.AT_MOST, "probability that somebody else has a key", _ANALYSIS),
    Measure("security", "level", Sense.AT_LEAST, "what the secrecy of keys rests on", _COUNTED),
    Measure("reach", "length", Sense.AT_LEAST, "distance of the farthest pair that is served", _ANALYSIS),
)
_OF_ALL: Final = (
    Measure("headroom", "share", Sense.AT_LEAST, "key left above all demands, as a share of them", _ANALYSIS),
    Measure("cost", "money", Sense.AT_MOST, "price of devices, fibre and sites, by the cost book", _ANALYSIS),
    Measure("readiness", "count", Sense.AT_LEAST, "technology readiness level of the least ready part", _COUNTED),
    Measure("consistency", "count", Sense.AT_MOST, "findings left in the synchronised views", _COUNTED),
)
MEASURES: Final[Mapping[str, Measure]] = MappingProxyType({each.name: each for each in (*_OF_PAIRS, *_OF_ALL)})
"""By name."""

ASKING: Final = frozenset({"key-rate", "one-time-pad"})
"""Measures whose threshold is a demand: so much key the network has to carry, while it carries that of others."""


class Security(StrEnum):
    """What the secrecy of a key rests on, from least to most: an order, and no number behind it."""

    COMPUTATIONAL = "computational"
    """On the hardness of a problem that a quantum computer solves."""
    POST_QUANTUM = "post-quantum"
    """On the hardness of a problem that none is known to solve."""
    TRUSTED_RELAYS = "trusted-relays"
    """On physics, and on every relay."""
    HYBRID = "hybrid"
    """On physics and relays, or on a post-quantum problem: both must fall."""
    DISJOINT_SHARES = "disjoint-shares"
    """On physics, and on not all of several disjoint routes having a bad relay."""
    END_TO_END = "end-to-end"
    """On physics alone."""

    @property
    def place(self) -> int:
        """Where it stands in the order, from 0 on: what a threshold says."""
        return list(Security).index(self)

    @classmethod
    def at(cls, place: float) -> Security:
        """Return the level of a threshold."""
        return list(cls)[int(place)]

    def reaches(self, wanted: Security) -> bool:
        """Whether this is as good as what is wanted, or better."""
        # By place and not by value: the words are for people.
        return self.place >= wanted.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One need of the stakeholder."""

    id: NeedId
    text: str
    """Verbatim."""
    priority: Priority
    measure: str
    """A key of MEASURES; empty = nobody has said how it would be measured: it is reported as unverifiable."""
    threshold: float = 0.0
    """In the base unit of the measure's quantity; of a level its place in the order."""
    written: str = ""
    """The threshold as the stakeholder wrote it."""
    between: tuple[tuple[NodeId, NodeId], ...] = ()
    """Pairs of sites; none = every pair."""
    apps: int = 1
    """How many apps at each pair want as much, each for itself: tenants of a backbone, tunnels of a data centre."""
    under: Condition | None = None

    @property
    def demand(self) -> float:
        """Bits of key a second that it asks of each pair; 0 where its measure asks for none."""
        return self.threshold * self.apps if self.measure in ASKING else 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """A place that a stakeholder has or may use."""

    id: NodeId
    owner: str = ""
    """Empty = the stakeholder's own."""
    position: tuple[float, float] | None = None
    """Degrees north and east."""
    is_endpoint: bool = True
    """Whether keys are wanted here; else it may only hold a relay."""
    risk: float | None = None
    """Probability that it is in somebody else's hands; None = that of the assumptions."""
    is_moving: bool = False
    """A ship, a vehicle: no fibre leads there."""
    domain: str = ""
    """The operator's network that it belongs to; empty = the same as all others."""

    @property
    def is_own(self) -> bool:
        """Whether it is the stakeholder's."""
        return not self.owner


@dataclass(frozen=True, slots=True)
class Line:
    """A way that light can go between two sites: a fibre that is there, or could be leased."""

    ends: tuple[NodeId, NodeId]
    name: str = ""
    length: Kilometres = Kilometres(0.0)
    attenuation: DecibelsPerKilometre = DecibelsPerKilometre(0.2)  # ITU-T G.652.D, 1550 nm
    extra: Decibels = Decibels(0.0)
    """Connectors and patches, once a line."""
    relay_owner: str | None = None
    """Who would run relays along it: empty = the stakeholder; None = there is no place for any."""

    @property
    def channel(self) -> str:
        """How it is called: `a--b/name`."""
        return link_id(*self.ends, self.name)

    @property
    def loss(self) -> Decibels:
        """From end to end, without relays."""
        return Decibels(self.length * self.attenuation + self.extra)


USUAL_PASSES: Final = Satellite()


@dataclass(frozen=True, slots=True)
class Orbiter:
    """A satellite that passes sites, one after the other, as a trusted relay of its owner."""

    id: NodeId
    owner: str = ""
    passes: Satellite = USUAL_PASSES
    """Over the first site; the pass over each next one begins `apart` later."""
    apart: Duration = Duration(0)
    sites: tuple[NodeId, ...] = ()
    """None = every site where keys are wanted."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the answer rests on and nobody has measured; each is shown with it."""

    devices: Mapping[VariantId, DeviceId] = field(default_factory=lambda: MappingProxyType({}))
    """Per protocol or kind of Q-link; else the library's generic one."""
    span: Kilometres | None = None
    """Length into which lines are cut where there are relays; None = as far as the device reaches with key enough."""
    risk: float = 0.01
    """That a relay is in somebody else's hands, unless its site says otherwise."""
    store: Bits = kilobits(16_000)
    """Key that is kept of each direction of a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A stakeholder's need as a whole, with what there is to meet it."""

    name: str
    stakeholder: str
    about: str = ""
    sites: tuple[Site, ...]
    lines: tuple[Line, ...] = ()
    satellites: tuple[Orbiter, ...] = ()
    needs: tuple[Need, ...]
    choose: Mapping[VariationPointId, tuple[VariantId, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Choices that the stakeholder fixes."""
    assume: Assumptions = Assumptions()

    def site(self, wanted: NodeId) -> Site:
        """Return a site; KeyError when there is none."""
        found = next((site for site in self.sites if site.id == wanted), None)
        if found is None:
            raise KeyError(wanted)
        return found

    def pairs(self, need: Need) -> tuple[tuple[NodeId, NodeId], ...]:
        """Return the pairs of sites that a need speaks of."""
        if need.between:
            return need.between
        # A need of no pair is one of all: nobody forgets a pair, and a new site is in it at once.
        ends = [site.id for site in self.sites if site.is_endpoint]
        return tuple((first, second) for index, first in enumerate(ends) for second in ends[index + 1 :])


def parse_condition(text: str) -> Condition:
    """Read "cut(1 link)", "attack(1 channel)" or "kill(2 nodes)"; Mistake otherwise."""
    head, bracket, rest = text.strip().partition("(")
    count, _, thing = rest.removesuffix(")").strip().partition(" ")
    failure = next((each for each in Failure if each == head.strip()), None)
    told = "write cut(1 link), attack(1 channel) or kill(1 node)"
    # Each part has a message of its own, for a condition has three things to get wrong.
    if failure is None or not bracket or not rest.endswith(")"):
        raise Mistake(f"{text!r} is no condition: {told}")
    if thing.strip() not in {_OBJECTS[failure], f"{_OBJECTS[failure]}s"}:
        raise Mistake(f"{text!r}: {failure} is said of a {_OBJECTS[failure]}: {told}")
    if not count.isascii() or not count.isdigit() or not 1 <= int(count) <= MOST_FAILURES:
        raise Mistake(f"{text!r}: write a number of {_OBJECTS[failure]}s from 1 to {MOST_FAILURES}")
    return Condition(failure, int(count))


MOST_FAILURES: Final = 8  # at once: beyond it no network of a stakeholder is left to ask about


# --- thresholds -----------------------------------------------------------------------------------------------------


def parse_threshold(measure: Measure, text: str) -> float:
    """Read the threshold of a measure, in the base unit of its quantity; Mistake otherwise."""
    match measure.quantity:
        case "count":
            return float(parse_count(text))
        case "money":
            return parse_money(text)
        case "level":
            return float(parse_security(text).place)
        case "rate":
            return parse_supply(text)
        case quantity:
            return float(str(QUANTITIES[quantity](text)))


def parse_supply(text: str) -> float:
    """Read "2 kbit/s", or as a stakeholder says it "256 bit every 1 min" or "50 GB every 1 d", in bit/s."""
    amount, every, period = text.partition(" every ")
    if not every:
        return float(str(QUANTITIES["rate"](text)))
    length = parse_duration(period)
    if not length:
        raise Mistake(f"{text!r}: a period of nothing would be endless key: write such as '256 bit every 1 min'")
    return parse_bits(amount) * NANOSECONDS_PER_SECOND / length


def parse_money(text: str) -> float:
    """Read "1.5 MEUR", "300 kEUR" or "2000 EUR", in EUR."""
    # A space between them, as in every other quantity of a file.
    number, _, unit = text.strip().partition(" ")
    scale = _MONEY.get(unit.strip())
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if scale is None or not 0 <= value <= _MOST_MONEY:
        raise Mistake(f"{text!r} is no amount of money: write a number and one of {', '.join(_MONEY)}, as in 1.5 MEUR")
    return value * scale


def parse_security(text: str) -> Security:
    """Read a level of security; Mistake with all of them otherwise."""
    found = next((level for level in Security if level == text.strip()), None)
    if found is None:
        raise Mistake(f"{text!r} is no level of security: from least to most they are {', '.join(Security)}")
    return found


_MONEY: Final = MappingProxyType({"EUR": 1.0, "kEUR": 1e3, "MEUR": 1e6})
_MOST_MONEY: Final = 1e12
