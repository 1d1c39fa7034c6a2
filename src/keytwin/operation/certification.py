"""Certificates of everyone in a live network: issued at the start, renewed at half of their life while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from keytwin.operation.settings import BroughtAuthority
from keytwin.runtime.brought import read_certificate
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.leaves import LeafFiles, leaf_in, renewal_at
from keytwin.runtime.pki import Authority
from keytwin.runtime.private_files import mistake
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import LinkId, NodeId, SaeId, twin_of

OPERATOR = Identity(Role.OPERATOR, "operator")
CONTROL = Identity(Role.ELEMENT, "control")
BUS = Identity(Role.ELEMENT, "bus")


def km_identity(node: NodeId) -> Identity:
    """Return the identity of a node's key manager."""
    return Identity(Role.KM, node)


def twin_identity(link: LinkId) -> Identity:
    """Return the identity of a link's twin."""
    return Identity(Role.ELEMENT, twin_of(link))


def sae_identity(sae: SaeId) -> Identity:
    """Return the identity of an SAE."""
    return Identity(Role.SAE, sae)


class Certification:
    """Whose certificates a network's process keeps good; `hosts` are the names of whoever serves."""

    def __init__(
        self, authority: Authority, blueprint: Blueprint, hosts: tuple[str, ...], *, has_bus: bool = False
    ) -> None:
        self.authority = authority
        self._hosts = hosts
        self._everyone = (*_everyone(blueprint), *((BUS,) if has_bus else ()))

    def files_of(self, identity: Identity) -> LeafFiles:
        """Tell where an identity's files are."""
        return self.authority.files_of(identity)

    def begin(self, now: datetime) -> None:
        """Issue what is missing or half over; whoever serves always gets a new one, as its hosts may be others now."""
        for identity in self._everyone:
            if identity.role.serves or not self.files_of(identity).exist or self._is_due(identity, now):
                self._issue(identity, now)

    def renew(self, now: datetime, renewed: Callable[[Identity], None]) -> None:
        """Issue what is half over, and tell for whom."""
        for identity in self._everyone:
            if self._is_due(identity, now):
                self._issue(identity, now)
                renewed(identity)

    def enrol(self, sae: SaeId, request: bytes | None, now: datetime) -> bytes:
        """Give an SAE a certificate, for its own key if it sends a request; return leaf and issuing authority (PEM)."""
        identity = sae_identity(sae)
        if request is not None:
            return self.authority.sign_request(request, identity, now)
        return self.authority.issue(identity, now).certificate.read_bytes()

    def revoke(self, sae: SaeId, now: datetime) -> int:
        """Deny every certificate of an SAE, and give it no other until it is enrolled again; return how many."""
        return self.authority.revoke_identity(sae_identity(sae), now)

    def _is_due(self, identity: Identity, now: datetime) -> bool:
        """Whether to renew: a revoked certificate never is, or renewal would undo the revocation."""
        files = self.files_of(identity)
        try:
            leaf = leaf_in(files)
        except FileMistake:  # damaged: a new pair takes its place
            return True
        return now >= renewal_at(leaf) and not self.authority.is_denied(leaf.serial_number)

    def _issue(self, identity: Identity, now: datetime) -> None:
        self.authority.issue(identity, now, self._hosts if identity.role.serves else ())


def authority_of(folder: Path, network: str, now: datetime, brought: BroughtAuthority | None = None) -> Authority:
    """Take up the network's authority; where there is none yet, take the one that is brought, or make one.

    FileMistake when another is brought than the one that is there: certificates of both would not go together.
    """
    home = folder / "authority"
    if not home.is_dir():
        if brought is None:
            return Authority.create(folder, network, now)
        return Authority.bring(folder, network, brought.certificate, brought.key, now)
    if brought is not None and read_certificate(brought.certificate) != read_certificate(home / "issuing.pem"):
        raise mistake(
            brought.certificate, f"is not the authority of the state in {folder.parent}", "choose another with --state"
        )
    return Authority.load(folder, network, now)


def _everyone(blueprint: Blueprint) -> Iterator[Identity]:
    yield OPERATOR
    yield CONTROL
    for node in blueprint.topology.nodes:
        yield km_identity(node.id)
    for link in blueprint.topology.links:
        yield twin_identity(link.id)
    for sae in dict.fromkeys(end.sae for app in blueprint.apps for end in app.ends):
        yield sae_identity(sae)
