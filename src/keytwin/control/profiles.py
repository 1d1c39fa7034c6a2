"""The database of user profiles: what a session may be granted. Paper B, 3.2 and Fig. 2b; invariant A2."""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.vocabulary.blueprint import AdmissionSettings, App, KeyManagementSettings, Relay, Sla, User
from keytwin.vocabulary.identity import UserId
from keytwin.vocabulary.key import Fallback, KeyMode, may_lack_quantum_key
from keytwin.vocabulary.session_messages import ConfigureSession, Qos, Reason
from keytwin.vocabulary.units import (
    BITS_PER_BYTE,
    Bits,
    BitsPerSecond,
    Duration,
    produced,
    seconds,
    show_bits,
    show_rate,
)

ON_DEMAND: Final = "on-demand"  # the key-management algorithm that keeps no pool, so it has nothing to batch
NEVER: Final = Duration(0)
"""`retry_after` of a refusal that the same request will always get."""
LATER: Final = seconds(10)  # sessions end and links recover in minutes; sooner would only be load


class AdmissionSetup(msgspec.Struct, frozen=True):
    """What admission control is made with."""

    slas: tuple[Sla, ...]
    users: tuple[User, ...]
    apps: tuple[App, ...]
    settings: AdmissionSettings
    key_management: KeyManagementSettings


class Grant(msgspec.Struct, frozen=True, gc=False):
    """What a session gets: never more than its service level."""

    rate: BitsPerSecond
    burst: Bits
    priority: int
    key_size: Bits
    batch: int
    routes: int = 1
    on_stock: Duration = NEVER
    is_stream: bool = False
    mode: KeyMode = KeyMode.QKD_ONLY
    fallback: Fallback = Fallback.NONE
    tags: int = 1  # one-time tags on each relay message

    @property
    def link_rate(self) -> BitsPerSecond:
        """The rate at which its keys take quantum key."""
        return BitsPerSecond(0) if self.mode is KeyMode.PQC_ONLY else self.rate

    @property
    def outlives_darkness(self) -> bool:
        """Whether it may go on without any quantum key."""
        return may_lack_quantum_key(self.mode, self.fallback)


class Denial(msgspec.Struct, frozen=True, gc=False):
    """Why a session is not granted: `reason` is fit for an SAE's ears, `explanation` is for the operator."""

    reason: Reason
    retry_after: Duration
    explanation: str


class Profiles:
    """Users, their service levels and their apps: as configured, never changed."""

    def __init__(self, setup: AdmissionSetup) -> None:
        levels = {sla.id: sla for sla in setup.slas}
        self._apps: Final = {app.id: app for app in setup.apps}
        self._users: Final = {user.id: user for user in setup.users}
        self._levels: Final = {user.id: levels[user.sla] for user in setup.users}
        self._key_management: Final = setup.key_management

    def objection(self, request: ConfigureSession) -> Denial | None:
        """Say what access control would not have let pass: defence in depth, for a key manager may have gone bad."""
        app = self._apps.get(request.app)
        if app is None or app.user != request.user or request.user not in self._levels:
            return Denial(Reason.NOT_ALLOWED, NEVER, f"{request.user} owns no app {request.app}")
        ends = {end.sae: end.node for end in app.ends}
        if ends.get(request.sae) != request.node or {request.sae, request.peer} != set(ends):
            stranger = f"{request.app} is not between {request.sae} at {request.node} and {request.peer}"
            return Denial(Reason.NOT_ALLOWED, NEVER, stranger)
        return None

    def grant(self, request: ConfigureSession) -> Grant | Denial:
        """Grant what was asked, or the whole service level; more than that is refused, never lowered."""
        return _granted(request.qos, self._levels[request.user], self._key_management)

    def quota(self, user: UserId) -> BitsPerSecond | None:
        """Return the bound on the sum of the rates of a user's sessions, None = none."""
        return self._users[user].quota


def batch_of(rate: BitsPerSecond, key_size: Bits, settings: KeyManagementSettings) -> int:
    """Return how many keys travel in one relay message: no more than a full pool holds."""
    if settings.algorithm == ON_DEMAND:
        return 1
    return max(1, min(settings.batch, produced(rate, settings.pool_depth) // key_size))


def _granted(qos: Qos, sla: Sla, settings: KeyManagementSettings) -> Grant | Denial:
    rate = sla.rate if qos.rate is None else qos.rate
    burst = sla.burst if qos.burst is None else qos.burst
    priority = sla.priority if qos.priority is None else qos.priority
    key_size = settings.key_size if qos.key_size is None else qos.key_size
    if not 0 < rate <= sla.rate:
        return _exceeded(f"a rate of {show_rate(rate)}", sla)
    if not 0 < burst <= sla.burst:
        return _exceeded(f"a burst of {show_bits(burst)}", sla)
    if priority < sla.priority:
        return _exceeded(f"priority {priority}", sla)
    if not 0 < key_size <= burst or key_size % BITS_PER_BYTE:
        whole = f"keys of {show_bits(key_size)} do not fit a burst of {show_bits(burst)}, or are no whole octets"
        return Denial(Reason.TOO_LARGE, NEVER, whole)
    batch = batch_of(rate, key_size, settings)
    tags = 2 if settings.relay is Relay.XOR_CENTRAL else 1
    return Grant(
        rate, burst, priority, key_size, batch, sla.routes, sla.on_stock, qos.is_stream, sla.mode, sla.fallback, tags
    )


def _exceeded(asked: str, sla: Sla) -> Denial:
    level = f"priority {sla.priority}, {show_rate(sla.rate)}, bursts of {show_bits(sla.burst)}"
    return Denial(Reason.SLA_EXCEEDED, NEVER, f"asked for {asked}, service level {sla.id} gives {level}")
