"""What an operator may ask of a live network and do to it: the `Operations` behind the operator face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from keytwin.files.page import nearest
from keytwin.operation.assembly import LiveNetwork
from keytwin.operation.certification import sae_identity
from keytwin.operation.health import Health
from keytwin.operation.network_view import Network
from keytwin.operation.portrait import credentials, portrait
from keytwin.operation.seen import Seen
from keytwin.runtime.clock import wall_clock
from keytwin.service.operator_values import (
    Credentials,
    EventPage,
    Issued,
    NetworkStatus,
    Revoked,
)
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import LinkId, NodeId, SaeId, twin_of
from keytwin.vocabulary.operator_messages import (
    AttackQuantumChannel,
    CutQuantumChannel,
    HealQuantumChannel,
    SetNodeTrust,
)


@dataclass(slots=True)
class Bureau:
    """The operator's hands and eyes, wherever the elements run; `end` begins the end of the process."""

    network: Network
    started: datetime
    end: Callable[[], None]
    seen: Seen
    health: Health
    damage: tuple[str, ...] = ()  # of the journal, when it was opened

    # --- to see -----------------------------------------------------------------------------------------------------

    def status(self) -> NetworkStatus:
        """Return the network as it stands."""
        return portrait(self.network, self.health, self.seen.now(), self.started, self.damage)

    def events(self, after: int, limit: int) -> EventPage:
        """Return at most `limit` events whose number is above `after`."""
        return self.seen.now().kept.page(after, limit)

    def metrics(self) -> str:
        """Return all metrics in the text format of Prometheus."""
        return self.seen.now().counts.text()

    # --- to do ------------------------------------------------------------------------------------------------------

    def cut(self, link: LinkId) -> None:
        """Let no light through a link's quantum channel."""
        self._known_link(link)
        self.network.live.post(twin_of(link), CutQuantumChannel(link))

    def attack(self, link: LinkId, error_rate: float) -> None:
        """Tamper with a link's light: each sifted bit is flipped with that probability."""
        self._known_link(link)
        self.network.live.post(twin_of(link), AttackQuantumChannel(link, error_rate))

    def heal(self, link: LinkId) -> None:
        """Let the light through again, untampered."""
        self._known_link(link)
        self.network.live.post(twin_of(link), HealQuantumChannel(link))

    def trust(self, node: NodeId, *, trusted: bool) -> None:
        """Say whether a node may relay keys of others."""
        nodes = [each.id for each in self.network.blueprint.topology.nodes]
        _known("node", node, nodes)
        self.network.live.post(self.network.blueprint.seat.at(node).controller, SetNodeTrust(node, trusted))

    def issue(self, sae: SaeId, request_pem: bytes | None) -> Issued:
        """Issue a certificate to a declared SAE, for the key of its request if there is one."""
        self._known_sae(sae)
        chain = self.network.certification.enrol(sae, request_pem, wall_clock())
        if request_pem is None:
            return Issued(sae, credentials(self.network.certification.files_of(sae_identity(sae))))
        authority = self.network.certification.authority
        return Issued(sae, Credentials("", "", str(authority.trusted), str(authority.revoked)), chain.decode())

    def revoke(self, sae: SaeId) -> Revoked:
        """Deny every certificate of an SAE and close its connections."""
        self._known_sae(sae)
        count = self.network.certification.revoke(sae, wall_clock())
        self.network.denied(sae_identity(sae))
        return Revoked(sae, count)

    def stop(self) -> None:
        """Begin to stop the network; the answer to this request still goes out."""
        self.end()

    def _known_link(self, link: LinkId) -> None:
        _known("link", link, [each.id for each in self.network.blueprint.topology.links])

    def _known_sae(self, sae: SaeId) -> None:
        _known("SAE", sae, [end.sae for app in self.network.blueprint.apps for end in app.ends])


@dataclass(slots=True)
class Office(Bureau):
    """A bureau whose network runs in the same process."""

    network: LiveNetwork


def _known(kind: str, name: str, names: list[NodeId] | list[LinkId] | list[SaeId]) -> None:
    if name not in names:
        near = nearest(name, [str(each) for each in names])
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(names)}"
        raise Mistake(f"the network has no {kind} {name!r}: {hint}")
