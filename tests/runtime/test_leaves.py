"""Certificates and keys as files: found at the same place, changed in one step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.runtime import leaves
from keytwin.runtime.certificates import TOLERANCE
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.leaves import leaf_in as own_leaf
from keytwin.runtime.leaves import renewal_at
from keytwin.runtime.pki import LEAF_LIFE, Authority
from keytwin.vocabulary.errors import FileMistake
from tests.runtime.papers import DAY, KM0, NOW, SAE, leaf_in

TWIN = Identity(Role.ELEMENT, "link/km0--km1/fibre")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "pki", "star6", NOW)


def test_no_two_identities_share_files(authority: Authority) -> None:
    identities = [TWIN, Identity(Role.ELEMENT, "link/km0--km1"), Identity(Role.ELEMENT, "km0"), KM0,
                  Identity(Role.SAE, "km0"), Identity(Role.ELEMENT, "km/km0")]  # fmt: skip
    issued = [authority.issue(identity, NOW) for identity in identities]
    assert len({files.key.resolve() for files in issued}) == len(identities)


def test_a_renewed_leaf_has_a_new_key_at_the_same_place(authority: Authority) -> None:
    first = authority.issue(SAE, NOW)
    before = leaf_in(first.certificate)
    old_key = first.key.resolve()
    second = authority.issue(SAE, NOW + DAY / 2)
    after = leaf_in(second.certificate)
    assert first == second
    assert before.serial_number != after.serial_number
    assert before.public_key() != after.public_key()
    assert old_key.exists(), "who opened the old pair a moment ago can finish reading it"
    authority.issue(SAE, NOW + DAY)
    assert not old_key.exists()
    assert len(list(first.key.parent.parent.iterdir())) == 3, "the new pair, the one before, the pointer"


def test_a_leaf_is_due_at_half_of_its_life(authority: Authority) -> None:
    files = authority.issue(SAE, NOW)
    due = renewal_at(leaf_in(files.certificate))
    assert due == NOW - TOLERANCE + (LEAF_LIFE + TOLERANCE) / 2


def test_a_leaf_that_cannot_be_read_is_named(authority: Authority) -> None:
    files = authority.issue(SAE, NOW)
    files.certificate.write_bytes(b"no certificate")
    with pytest.raises(FileMistake, match=r"certificate\.pem: holds no certificate"):
        own_leaf(files)


def test_a_renewal_that_fails_leaves_the_old_pair_in_use(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    files = authority.issue(SAE, NOW)
    before = files.certificate.read_bytes(), files.key.read_bytes()

    def full(path: Path, octets: bytes, mode: int = 0) -> None:
        raise OSError(28, f"No space left on device: {path} {len(octets)} {mode}")

    with monkeypatch.context() as planted:
        planted.setattr(leaves, "write_whole", full)
        with pytest.raises(OSError, match="No space"):
            authority.issue(SAE, NOW)
    assert (files.certificate.read_bytes(), files.key.read_bytes()) == before
    authority.issue(SAE, NOW)
    assert files.certificate.read_bytes() != before[0]
    assert len(list(files.key.parent.parent.iterdir())) == 3, "what the failure left behind is gone"


def test_at_no_moment_of_a_renewal_is_there_no_pair(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    files = authority.issue(SAE, NOW)
    seen: list[bool] = []
    for name in ("symlink_to", "replace", "unlink"):
        step = getattr(Path, name)

        def watched(path: Path, *arguments: Path, step: Callable[..., Path] = step, **options: bool) -> Path:
            seen.append(files.certificate.exists() and files.key.exists())
            return step(path, *arguments, **options)

        monkeypatch.setattr(Path, name, watched)
    authority.issue(SAE, NOW)
    assert len(seen) >= 4
    assert all(seen)
