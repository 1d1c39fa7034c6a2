"""The certificates and keys of those that take part, as files: each pair in a folder of its own, never changed.

`current` points to the pair in use. Renewal makes the new pair beside the old one and turns the pointer in one step, so
a reader that follows the pointer once never mixes two pairs.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from keytwin.runtime.certificates import validity_of
from keytwin.runtime.identities import Identity
from keytwin.runtime.private_files import PUBLIC, mistake, private_folder, read_public, sync_folder, write_whole

CURRENT: Final = "current"


@dataclass(frozen=True, slots=True)
class LeafFiles:
    """Where one that takes part finds its certificate (leaf, then issuing authority), its key, and whom to trust.

    The paths stay the same when the leaf is renewed.
    """

    identity: Identity
    certificate: Path
    key: Path
    trusted: Path
    revoked: Path

    @property
    def exist(self) -> bool:
        """Whether a certificate was issued, good or ended."""
        return self.certificate.exists()


def current_pair(leaves: Path, identity: Identity) -> Path:
    """Return the path by which an identity's pair in use is reached."""
    return leaves / identity.role / identity.name.replace("/", "+") / CURRENT  # no name has a plus


def keep_pair(files: LeafFiles, serial: int, chain: bytes, key: bytes) -> None:
    """Write a new pair (PEM) and make it the current one; the one before stays until the next renewal."""
    current = files.certificate.parent
    fresh = private_folder(current.parent / f"{serial:040x}")
    write_whole(fresh / files.key.name, key)
    write_whole(fresh / files.certificate.name, chain, PUBLIC)
    previous = current.readlink().name if current.is_symlink() else ""
    _point(current, fresh.name)
    _remove_all_but(current.parent, {CURRENT, fresh.name, previous})


def renewal_at(certificate: x509.Certificate) -> datetime:
    """Return when a certificate is due for renewal: at half of its life."""
    validity = validity_of(certificate)
    return validity.start + (validity.end - validity.start) / 2


def leaf_in(files: LeafFiles) -> x509.Certificate:
    """Read the owner's own certificate, without those above it."""
    try:
        return x509.load_pem_x509_certificates(read_public(files.certificate))[0]
    except ValueError as error:
        raise mistake(files.certificate, "holds no certificate in PEM", "remove its folder, start again") from error


def _point(link: Path, target: str) -> None:
    beside = link.with_name(f".{link.name}.{secrets.token_hex(8)}")
    beside.symlink_to(target)
    beside.replace(link)
    sync_folder(link.parent)


def _remove_all_but(folder: Path, kept: set[str]) -> None:
    for path in folder.iterdir():
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
