"""What the tests of hardware tokens share: a SoftHSM with tokens of its own, where Debian's softhsm2 is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from keytwin.runtime.hsm import library

DRIVERS: Final = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/softhsm/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)
DRIVER: Final = next((path for path in DRIVERS if path.exists()), None)
needs_softhsm: Final = pytest.mark.skipif(
    DRIVER is None or shutil.which("softhsm2-util") is None,
    reason="SoftHSM 2 is not installed: apt-get install softhsm2",
)
PIN: Final = b"87654321"


@dataclass(frozen=True)
class Tokens:
    """Tokens `keytwin`, `other` and two called `twice`; keys `store`, `another`, two `double`, and `text`, not AES."""

    folder: Path
    driver: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def uri(self, key: str = "store", token: str = "keytwin", more: str = "") -> str:  # noqa: S107  # its label
        return f"pkcs11:token={token};object={key}?module-path={self.driver}{more}"


@cache
def tokens() -> Tokens:
    """Make them once a process: a driver reads where its tokens are when it is loaded."""
    assert DRIVER is not None
    folder = Path(tempfile.mkdtemp(prefix="keytwin-tokens-"))
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    made = Tokens(folder, DRIVER)
    os.environ.update(made.environment)
    for label in ("keytwin", "other", "twice", "twice"):
        command = [
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            label,
            "--pin",
            PIN.decode(),
            "--so-pin",
            "1234",
        ]
        subprocess.run(command, check=True, capture_output=True)
    _make_keys(made)
    return made


def _make_keys(made: Tokens) -> None:
    pkcs11 = library()
    kinds, says = pkcs11.KeyType, pkcs11.Attribute
    driver = pkcs11.lib(str(made.driver))
    guarded = {says.SENSITIVE: True, says.EXTRACTABLE: False}
    for token, label in (("keytwin", "store"), ("keytwin", "another"), ("other", "store")):
        with closing(driver.get_token(token_label=token).open(rw=True, user_pin=PIN.decode())) as session:
            session.generate_key(kinds.AES, 256, label=label, store=True, template=guarded)
    with closing(driver.get_token(token_label="keytwin").open(rw=True, user_pin=PIN.decode())) as session:
        for _ in range(2):
            session.generate_key(kinds.AES, 256, label="double", store=True)
        session.generate_key(kinds.GENERIC_SECRET, 256, label="text", store=True)
