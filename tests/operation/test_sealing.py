"""Z6: a network whose journal is under a passphrase starts with it, and with nothing less."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from keytwin.cli.passphrase import VARIABLE, Asking
from keytwin.operation.audit import trails_of
from keytwin.operation.sealing import (
    JOURNAL,
    KEY_FILE,
    SEAL,
    TOKEN,
    AskPassphrase,
    is_sealed,
    key_of,
    must_ask,
    no_passphrase,
)
from keytwin.runtime.envelope import KeyFile
from keytwin.vocabulary.errors import FileMistake, Mistake, Refusal
from tests.architecture.source import ROOT
from tests.fakes.ports import free_ports
from tests.marks import invariant
from tests.operation.live import network, on_uvloop, settings, up
from tests.runtime.tokens import PIN, needs_softhsm, tokens

PASSPHRASE = "correct horse battery"


def saying(secret: bytes) -> AskPassphrase:
    """Return somebody who gives this, whether it is new or not."""

    def ask(*, is_new: bool) -> bytes:
        del is_new
        return secret

    return ask


def test_a_state_is_under_a_file_unless_it_is_sealed_at_its_first_start(tmp_path: Path) -> None:
    name = key_of(tmp_path, no_passphrase).name
    assert name.startswith("file:")
    assert not is_sealed(tmp_path)
    with pytest.raises(FileMistake, match="was begun unsealed"):
        key_of(tmp_path, saying(PASSPHRASE.encode()), seals=True)
    assert key_of(tmp_path, no_passphrase).name == name


@invariant("Z6")
def test_z6_a_sealed_state_has_no_key_file_and_opens_by_its_passphrase_only(tmp_path: Path) -> None:
    asked: list[bool] = []

    def ask(*, is_new: bool) -> bytes:
        asked.append(is_new)
        return PASSPHRASE.encode()

    name = key_of(tmp_path, ask, seals=True).name
    assert name.startswith("passphrase:")
    assert is_sealed(tmp_path)
    assert not (tmp_path / KEY_FILE).exists()
    assert key_of(tmp_path, ask).name == key_of(tmp_path, ask, seals=True).name == name
    assert asked == [True, False, False]
    with pytest.raises(Refusal, match="is sealed"):
        key_of(tmp_path, no_passphrase)
    KeyFile.at(tmp_path / KEY_FILE)  # a key that is put there is of no use
    with pytest.raises(Refusal, match="is sealed"):
        key_of(tmp_path, no_passphrase)


def test_a_passphrase_is_read_from_a_descriptor_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"the first line\nand another")
    os.close(writing)
    assert Asking(reading)(is_new=False) == b"the first line"
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    assert Asking()(is_new=True) == PASSPHRASE.encode()
    with pytest.raises(Mistake, match="no passphrase can be read from descriptor 987"):
        Asking(987)(is_new=False)


def test_with_nobody_to_ask_it_is_said_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(Refusal, match=r"--passphrase-fd N or KEYTWIN_PASSPHRASE"):
            Asking()(is_new=False)


@pytest.mark.slow
@invariant("Z6")
def test_z6_keytwin_up_serves_nothing_without_the_passphrase(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert _keytwin(state, "up", "star6", "--detach", "--sealed", passphrase=PASSPHRASE)[0] == 0
    assert _keytwin(state, "down")[0] == 0
    assert (state / SEAL).exists()
    for passphrase, told in ((None, "give its passphrase"), ("wrong horse battery", "not the one")):
        code, said = _keytwin(state, "up", "star6", "--detach", passphrase=passphrase)
        assert code
        assert told in said
        assert "Traceback" not in said
    assert [trail.faults for trail in trails_of(state, saying(PASSPHRASE.encode())).values()] == [[]]
    assert _keytwin(state, "audit", "verify", passphrase=PASSPHRASE)[0] == 0
    assert _keytwin(state, "audit", "verify")[0] not in {0, 1}
    assert _keytwin(state, "up", "star6", "--detach", passphrase=PASSPHRASE)[0] == 0
    assert _keytwin(state, "down")[0] == 0


# --- under a token ----------------------------------------------------------------------------------------------------


@needs_softhsm
@invariant("Z6")
def test_z6_a_state_under_a_token_opens_by_it_only_whether_or_not_it_is_named_again(tmp_path: Path) -> None:
    asked: list[bool] = []

    def ask(*, is_new: bool) -> bytes:
        asked.append(is_new)
        return PIN

    uri = tokens().uri()
    name = key_of(tmp_path, ask, token=uri).name
    assert is_sealed(tmp_path)
    assert not (tmp_path / KEY_FILE).exists()
    assert key_of(tmp_path, ask).name == key_of(tmp_path, ask, token=uri).name == name
    assert asked == [False, False, False], "a PIN is never new"
    with pytest.raises(Refusal, match="the PIN of its token"):
        key_of(tmp_path, no_passphrase)
    with pytest.raises(FileMistake, match="was begun under a token"):
        key_of(tmp_path, ask, seals=True)


def test_what_was_begun_otherwise_is_not_put_under_a_token(tmp_path: Path) -> None:
    uri = "pkcs11:token=a;object=b?module-path=/x"
    key_of(tmp_path / "file", no_passphrase)
    with pytest.raises(FileMistake, match="was begun unsealed"):
        key_of(tmp_path / "file", no_passphrase, token=uri)
    key_of(tmp_path / "phrase", saying(PASSPHRASE.encode()), seals=True)
    with pytest.raises(FileMistake, match="was begun under a passphrase"):
        key_of(tmp_path / "phrase", no_passphrase, token=uri)


def test_somebody_is_asked_where_something_is_needed_and_for_what(tmp_path: Path) -> None:
    uri = "pkcs11:token=a;object=b?module-path=/x"
    assert must_ask(tmp_path, seals=False, token="") is None
    assert must_ask(tmp_path, seals=True, token="") is True
    assert must_ask(tmp_path, seals=False, token=uri) is False
    assert must_ask(tmp_path, seals=False, token=f"{uri}&pin-source=/run/pin") is None
    key_of(tmp_path / "phrase", saying(PASSPHRASE.encode()), seals=True)
    assert must_ask(tmp_path / "phrase", seals=False, token="") is False
    key_of(tmp_path / "file", no_passphrase)
    assert must_ask(tmp_path / "file", seals=True, token="") is None, "it will be refused"


@pytest.mark.slow
@needs_softhsm
@invariant("Z6")
def test_z6_keytwin_up_serves_nothing_without_the_token(tmp_path: Path) -> None:
    state, uri, star = tmp_path / "state", tokens().uri(), network("star6")
    code, said = _keytwin(state, "up", "star6", "--sealed-by", uri, passphrase="12345678")
    assert code
    assert "not the PIN of token 'keytwin'" in said
    assert "Traceback" not in said
    assert not (state / JOURNAL).exists()

    async def life() -> None:
        async with up(replace(settings(star, state), token=uri, ask_passphrase=saying(PIN))):
            assert (state / TOKEN).exists()

    on_uvloop(life())
    assert not (state / KEY_FILE).exists()
    assert [trail.faults for trail in trails_of(state, saying(PIN)).values()] == [[]]
    with pytest.raises(Refusal, match="not the PIN"):
        trails_of(state, saying(b"12345678"))


_PORT = str(free_ports(13))


def _keytwin(state: Path, *words: str, passphrase: str | None = None) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "KEYTWIN_STATE": str(state.parent)}
    environment.pop(VARIABLE, None)
    if passphrase is not None:
        environment[VARIABLE] = passphrase
    ports = ["--base-port", _PORT] if words[0] == "up" else []
    command = [sys.executable, "-m", "keytwin", *words, *ports, "--state", str(state)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    return run.returncode, run.stdout + run.stderr
