"""keytwin's own certificate authority on disk: a root, an issuing authority, leaves for 24 hours, a deny list.

Below its folder: `authority/` (`root.pem`, `root-key.pem`, which may be taken off the machine, `issuing.pem`,
`issuing-key.pem`, `issued`, `denied`), `revoked/denied`, `leaves/<role>/<name>/current/` with `certificate.pem` and
`key.pem`, and for all to read `ca.pem` and `crl.pem`. Profiles follow RFC 5280. One process at a time writes here.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keytwin.runtime.brought import read_certificate, read_signer, requested_key
from keytwin.runtime.certificates import (
    Grant,
    LeafPublicKey,
    Signer,
    Validity,
    issuing_of,
    leaf_of,
    new_key,
    pem_of,
    pem_of_key,
    revocation_list,
    root_of,
    validity_of,
)
from keytwin.runtime.identities import SCHEME, Identity, trust_domain
from keytwin.runtime.leaves import LeafFiles, current_pair, keep_pair
from keytwin.runtime.ledger import DenyList, Entry, add_entries, read_entries, write_entries
from keytwin.runtime.private_files import PUBLIC, mistake, private_folder, read_public, sync_folder, write_whole
from keytwin.vocabulary.errors import Mistake

ROOT_LIFE: Final = timedelta(days=3650)
ISSUING_LIFE: Final = timedelta(days=1825)
LEAF_LIFE: Final = timedelta(hours=24)  # what a thief of a key gains where no deny list reaches
SHORTEST_LIFE: Final = timedelta(minutes=1)
LARGEST_ISSUED: Final = 64 * 1024  # octets, about 700 certificates: beyond it those that ended are left out


class Authority:
    """A network's certificate authority over its folder, made by `create`, `bring` or `load`."""

    def __init__(self, folder: Path, network: str, signer: Signer, life: timedelta) -> None:
        if life < SHORTEST_LIFE:
            raise Mistake(f"certificates for {life} would end before they are used: give at least {SHORTEST_LIFE}")
        self.network = network
        self.trusted = folder / "ca.pem"
        self.revoked = folder / "crl.pem"
        self._life = life
        self._signer = signer
        self._home = folder / "authority"
        self._issued = self._home / "issued"
        self._leaves = private_folder(folder / "leaves")
        since = signer.validity.start
        self.denied = DenyList(self._home / "denied", private_folder(folder / "revoked") / "denied", since)
        self._publish()

    @classmethod
    def create(cls, folder: Path, network: str, now: datetime, life: timedelta = LEAF_LIFE) -> Authority:
        """Make a new authority of two tiers; Mistake where there is one already, which stays as it is."""
        root_key, issuing_key = new_key(), new_key()
        root = Signer(root_of(root_key, network, Validity.beginning(now, ROOT_LIFE)), root_key)
        issuing = issuing_of(issuing_key.public_key(), network, root, Validity.beginning(now, ISSUING_LIFE))
        secret = {"root-key.pem": pem_of_key(root_key), "issuing-key.pem": pem_of_key(issuing_key)}
        _found(folder, secret | {"root.pem": pem_of(root.certificate), "issuing.pem": pem_of(issuing)})
        return cls(folder, network, Signer(issuing, issuing_key), life)

    @classmethod
    def bring(
        cls, folder: Path, network: str, certificate: Path, key: Path, now: datetime, *, life: timedelta = LEAF_LIFE
    ) -> Authority:
        """Take an authority that the operator brings, as the issuing one; only what it signs is trusted.

        FileMistake when certificate and key do not go together or may not issue.
        """
        signer = read_signer(certificate, key, now)
        _of_network(signer, network, certificate)
        _found(folder, {"issuing.pem": pem_of(signer.certificate), "issuing-key.pem": pem_of_key(signer.key)})
        return cls(folder, network, signer, life)

    @classmethod
    def load(cls, folder: Path, network: str, now: datetime, life: timedelta = LEAF_LIFE) -> Authority:
        """Take up the authority that is in a folder."""
        home = folder / "authority"
        if not home.is_dir():
            raise mistake(folder, "holds no authority", "start the network once, or look at the state directory")
        certificate = home / "issuing.pem"
        signer = read_signer(certificate, home / "issuing-key.pem", now)
        _of_network(signer, network, certificate)
        authority = cls(folder, network, signer, life)
        authority._forget_ended(now)
        return authority

    def issue(self, identity: Identity, now: datetime, hosts: tuple[str, ...] = ()) -> LeafFiles:
        """Make a key and a certificate, or renew them: always a new key, so that a stolen one is of no use for long."""
        key = new_key()
        certificate = self._sign(key.public_key(), Grant(identity, self.network, hosts), now)
        files = self.files_of(identity)
        keep_pair(files, certificate.serial_number, pem_of(certificate, self._signer.certificate), pem_of_key(key))
        return files

    def sign_request(self, request: bytes, identity: Identity, now: datetime, hosts: tuple[str, ...] = ()) -> bytes:
        """Sign a request (PKCS #10, PEM) for a key of the owner's; return leaf and issuing authority, in PEM."""
        grant = Grant(identity, self.network, hosts)
        certificate = self._sign(requested_key(request, grant), grant, now)
        return pem_of(certificate, self._signer.certificate)

    def files_of(self, identity: Identity) -> LeafFiles:
        """Tell where an identity's files are, or will be once it has been issued a certificate."""
        current = current_pair(self._leaves, identity)
        return LeafFiles(identity, current / "certificate.pem", current / "key.pem", self.trusted, self.revoked)

    def revoke(self, serial: int, now: datetime) -> bool:
        """Deny a certificate for good; False when it was denied already. Durable when this returns."""
        return self._revoke([serial], now, "-") > 0

    def revoke_identity(self, identity: Identity, now: datetime) -> int:
        """Deny all certificates of an identity that have not ended, brought keys too; return how many."""
        note = str(identity)
        serials = [entry.serial for entry in read_entries(self._issued) if entry.note == note and entry.at > now]
        return self._revoke(serials, now, note)

    @property
    def is_brought(self) -> bool:
        """Whether it is the operator's own: then there is no root of ours above it."""
        return not (self._home / "root.pem").exists()

    def is_denied(self, serial: int) -> bool:
        """Whether a certificate is revoked."""
        return serial in self.denied

    def _sign(self, public: LeafPublicKey, grant: Grant, now: datetime) -> x509.Certificate:
        own = self._signer.validity
        if not own.start <= now < own.end:
            raise Mistake(f"the authority of {self.network} is good from {own.start} to {own.end}, it is now {now}: "
                          "look at the clock, or make a new authority")  # fmt: skip
        certificate = leaf_of(public, grant, self._signer, Validity.beginning(now, self._life))
        entry = Entry(certificate.serial_number, validity_of(certificate).end, str(grant.identity))
        if self._issued.exists() and self._issued.stat().st_size > LARGEST_ISSUED:
            self._forget_ended(now)
        add_entries(self._issued, [entry])  # before it is given out: what is not listed could not be revoked by name
        return certificate

    def _revoke(self, serials: list[int], now: datetime, note: str) -> int:
        count = self.denied.add(serials, now - REVOKED_EARLIER, note)
        self._publish()
        return count

    def _publish(self) -> None:
        """Write what peers read: whom to trust, and who is revoked."""
        root = self._home / "root.pem"
        above = [read_certificate(root)] if root.exists() else []
        _write_changed(self.trusted, pem_of(*above, self._signer.certificate))
        entries = [(entry.serial, entry.at) for entry in self.denied.entries]
        revoked = revocation_list(self._signer, entries, len(entries), self.denied.newest)
        write_whole(self.revoked, revoked.public_bytes(Encoding.PEM), PUBLIC)

    def _forget_ended(self, now: datetime) -> None:
        entries = read_entries(self._issued)
        lasting = [entry for entry in entries if entry.at > now]
        if len(lasting) < len(entries):
            write_entries(self._issued, lasting)


# The times in the deny list rise by a second from one revocation to the next. Beginning an hour ago leaves room for a
# burst of 3600 (of a new authority: 300) before one would lie in the future, where OpenSSL takes the list for not yet
# good and refuses everyone.
REVOKED_EARLIER: Final = timedelta(hours=1)


def _found(folder: Path, contents: dict[str, bytes]) -> None:
    """Put an authority's files in place, all or none: a folder is renamed, and never onto one that has files."""
    private_folder(folder)
    home = folder / "authority"
    beside = private_folder(folder / f".authority.{secrets.token_hex(8)}")
    try:
        for name, octets in contents.items():
            write_whole(beside / name, octets)
        beside.rename(home)
    except OSError as error:
        if not home.is_dir():
            raise
        raise mistake(home, "holds an authority already", "load it, or choose another state directory") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sync_folder(folder)


def _of_network(signer: Signer, network: str, path: Path) -> None:
    """Refuse an authority that says it is of another network."""
    with contextlib.suppress(x509.ExtensionNotFound):
        names = signer.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        domains = [uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith(SCHEME)]
        if domains and domains != [f"{SCHEME}{trust_domain(network)}"]:
            raise mistake(path, f"is of {domains[0]}, not of network {network!r}", "choose another state directory")


def _write_changed(path: Path, octets: bytes) -> None:
    if not path.exists() or read_public(path) != octets:
        write_whole(path, octets, PUBLIC)
