"""A network that its operator may do everything with: it notes what was asked, and can be told to refuse."""

from __future__ import annotations

import msgspec

from keytwin.service.operator_values import (
    Credentials,
    ElementStatus,
    EventPage,
    Issued,
    KmStatus,
    NetworkStatus,
    NumberedEvent,
    QLinkStatus,
    Revoked,
    SaeStatus,
    SessionStatus,
)
from keytwin.vocabulary.identity import (
    AppId,
    ElementName,
    Ksid,
    LinkId,
    NodeId,
    SaeId,
)
from keytwin.vocabulary.units import Bits, BitsPerSecond

FILES = Credentials("/state/leaves/alice/certificate.pem", "/state/leaves/alice/key.pem", "/state/ca.pem", "/state/crl")
STATUS = NetworkStatus(
    network="pair",
    version="0",
    pid=7,
    started="2026-11-22T15:00:00Z",
    speed=1.0,
    operator_url="https://127.0.0.1:10140",
    state_directory="/state",
    is_healthy=True,
    elements=(ElementStatus(ElementName("km/a"), "running", 1),),
    key_managers=(KmStatus(NodeId("a"), "https://127.0.0.1:10141", "127.0.0.1:10142", is_healthy=True),),
    saes=(
        SaeStatus(
            SaeId("alice"),
            AppId("talk"),
            NodeId("a"),
            SaeId("bob"),
            NodeId("b"),
            "https://127.0.0.1:10141",
            FILES,
            SessionStatus("operative", Ksid("k"), Bits(256), BitsPerSecond(1000), Bits(2000), 1),
        ),
    ),
    links=(QLinkStatus(LinkId("a--b"), "ACTIVE", BitsPerSecond(1500), 0.02, (Bits(10), None)),),
)


class FakeOperations:
    """Stands in for a live network; `refusal`, once set, is what every question and command ends with."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.refusal: Exception | None = None

    def status(self) -> NetworkStatus:
        self._note("status")
        return STATUS

    def events(self, after: int, limit: int) -> EventPage:
        self._note("events", after, limit)
        return EventPage((NumberedEvent(after + 1, msgspec.Raw(b'{"at":5}')),), after + 1, 0)

    def cut(self, link: LinkId) -> None:
        self._note("cut", link)

    def attack(self, link: LinkId, error_rate: float) -> None:
        self._note("attack", link, error_rate)

    def heal(self, link: LinkId) -> None:
        self._note("heal", link)

    def trust(self, node: NodeId, *, trusted: bool) -> None:
        self._note("trust", node, trusted)

    def issue(self, sae: SaeId, request_pem: bytes | None) -> Issued:
        self._note("issue", sae, request_pem)
        return Issued(sae, FILES, "chain" if request_pem else "")

    def revoke(self, sae: SaeId) -> Revoked:
        self._note("revoke", sae)
        return Revoked(sae, 2)

    def metrics(self) -> str:
        self._note("metrics")
        return "keytwin_keys 1\n"

    def stop(self) -> None:
        self._note("stop")

    def _note(self, *what: object) -> None:
        self.done.append(what)
        if self.refusal is not None:
            raise self.refusal
