"""What the operator face tells and takes, declared once: the face writes by it, and the command line reads by it.

Instants are nanoseconds since the Unix epoch, amounts of key bits. No key is in it: files are named by their paths.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from keytwin.vocabulary.identity import AppId, ElementName, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.key import KeyMode
from keytwin.vocabulary.units import Bits, BitsPerSecond

# --- the network as it stands ---------------------------------------------------------------------------------------


class ElementStatus(msgspec.Struct, frozen=True):
    """One element: whether it runs, and how often it was started again after a crash."""

    name: ElementName
    state: Literal["running", "stopped"]
    restarts: int = 0


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process of a network that has several: its name, its number (None = none now), and its restarts."""

    name: str
    state: Literal["running", "silent", "starting", "stopped", "given up"]
    pid: int | None = None
    restarts: int = 0


class KmStatus(msgspec.Struct, frozen=True):
    """One key manager: where SAEs find it (URL), and where its neighbours do (host:port)."""

    node: NodeId
    face_url: str
    link_address: str
    is_healthy: bool


class Credentials(msgspec.Struct, frozen=True):
    """Files, by their paths: a certificate with its chain, the key, whom to trust, and who is revoked.

    `key` "" = its owner has it: the certificate was made from a request.
    """

    certificate: str
    key: str
    trusted: str
    revoked: str


class SessionStatus(msgspec.Struct, frozen=True):
    """The standing session of two SAEs: its state, and once it is open what was granted."""

    state: str
    ksid: Ksid | None = None
    key_size: Bits | None = None
    rate: BitsPerSecond | None = None
    burst: Bits | None = None
    hops: int | None = None


class SaeStatus(msgspec.Struct, frozen=True):
    """One end of an app: all that a third party's client must know to get keys in common with the peer.

    An SAE that takes part in several apps stands here once for each; the two ends of an app in the file's order.
    """

    sae: SaeId
    app: AppId
    node: NodeId
    peer: SaeId
    peer_node: NodeId
    url: str  # of the face of its own key manager
    files: Credentials
    session: SessionStatus | None = None
    mode: KeyMode = KeyMode.QKD_ONLY  # what its keys are made of
    is_fallen_back: bool = False  # its key manager makes keys for it without quantum key now, as its fallback allows


class QLinkStatus(msgspec.Struct, frozen=True):
    """One Q-link as control sees it; None = not measured yet. `stocks` are what each end may send, in their order."""

    link: LinkId
    status: str
    rate: BitsPerSecond | None = None
    qber: float | None = None
    stocks: tuple[Bits | None, Bits | None] = (None, None)


class NetworkStatus(msgspec.Struct, frozen=True):
    """A network that runs."""

    network: str
    version: str
    pid: int
    started: str  # RFC 3339, UTC
    speed: float
    operator_url: str
    state_directory: str
    is_healthy: bool
    damage: tuple[str, ...] = ()  # rows of the journal that were put aside, ever
    elements: tuple[ElementStatus, ...] = ()
    key_managers: tuple[KmStatus, ...] = ()
    saes: tuple[SaeStatus, ...] = ()
    links: tuple[QLinkStatus, ...] = ()
    processes: tuple[ProcessStatus, ...] = ()  # of a network that is not in one process alone


# --- events ---------------------------------------------------------------------------------------------------------


class NumberedEvent(msgspec.Struct, frozen=True):
    """One event with its number, the first is 1; `event` is the object that stands in a trace."""

    number: int
    event: msgspec.Raw


class EventPage(msgspec.Struct, frozen=True):
    """Events after a number, oldest first. `missed` of them were kept no longer; go on after `last`."""

    events: tuple[NumberedEvent, ...]
    last: int
    missed: int = 0


# --- what an operator does --------------------------------------------------------------------------------------------


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cut or attack the quantum channel of a link, or heal it; `error_rate` goes with an attack alone."""

    link: str
    action: Literal["cut", "attack", "heal"]
    error_rate: float | None = None


class Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether keys may go by way of a node."""

    node: str
    trusted: bool


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Issue a certificate to an SAE, for its own key when it sends a request (PKCS #10, PEM), or revoke all it has."""

    sae: str
    action: Literal["issue", "revoke"]
    request: str | None = None


class Issued(msgspec.Struct, frozen=True):
    """A certificate was issued: `chain` (PEM) when it was made from a request, else it is in the files."""

    sae: SaeId
    files: Credentials
    chain: str = ""


class Revoked(msgspec.Struct, frozen=True):
    """So many certificates of an SAE are good no longer."""

    sae: SaeId
    certificates: int


class Done(msgspec.Struct, frozen=True):
    """It is done, or has begun; in words."""

    message: str


class Problem(msgspec.Struct, frozen=True):
    """Why it was not done, and how to mend it."""

    message: str
