"""The scripts of "Use the keys", run beside stand-ins: what they do when something fails, and where no key is."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT
from tests.docs.snippets import blocks

PAGE: Final = ROOT / "docs/howto/use-the-keys.md"
TOOLS: Final = ("jq", "base64", "od", "tr", "mv", "rm", "cat", "mktemp", "dirname", "realpath", "openssl", "sh")
ANSWERING: Final = """
while [ $# -gt 1 ]; do if [ "$1" = --output ]; then answer=$2; fi; shift; done
[ -e no-key ] && exit 22
cp answer.json "$answer"
"""
KEY_IDS: Final = [f"{number}c2c1946-6456-452f-b990-f489866b7b70" for number in range(3)]

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq here")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with the scripts of the page, commands that note their command lines, and an answer of a key manager."""

    folder: Path

    def deliver(self, key: bytes, key_id: str) -> None:
        answer = {"keys": [{"key_ID": key_id, "key": base64.b64encode(key).decode()}]}
        (self.folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")

    def settle(self, **settings: str) -> None:
        known = {"url": "https://km", "peer": "b", "certificate": "c.pem", "key": "k.pem", "trusted": "t.pem"}
        lines = [f"{name}='{value}'\n" for name, value in {**known, **settings}.items()]
        (self.folder / "a.env").write_text("".join(lines), encoding="utf-8")

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["/bin/sh", *words],
            cwd=self.folder,
            env={"PATH": path, "TMPDIR": str(self.folder / "memory"), "NOTES": str(self.folder / "notes")},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def command_lines(self) -> str:
        notes = self.folder / "notes"
        return notes.read_text(encoding="utf-8") if notes.exists() else ""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for block in blocks(PAGE.read_text(encoding="utf-8")):
        if block.name:
            (tmp_path / block.name).write_text(block.text, encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "memory").mkdir()
    for tool in filter(shutil.which, TOOLS):
        _put(tmp_path / "bin" / tool, f'exec {shutil.which(tool)} "$@"\n')
    _put(tmp_path / "bin/curl", ANSWERING)
    _put(tmp_path / "bin/wg", 'cp "$6" used\n')
    _put(tmp_path / "bin/swanctl", "")
    made = Place(tmp_path)
    made.deliver(bytes(range(200, 232)), KEY_IDS[0])
    made.settle(use="sh wireguard.sh wg0 PEER", tell="touch")
    return made


def _put(path: Path, text: str) -> None:
    path.write_text(f'#!/bin/sh\necho "{path.name} $*" >> "$NOTES"\n{text}', encoding="utf-8")
    path.chmod(0o755)


def test_a_rotation_tells_the_other_end_then_uses_the_key_and_leaves_none(place: Place) -> None:
    run = place.run("rotate.sh", "a.env")
    assert (run.returncode, run.stdout) == (0, f"uses {KEY_IDS[0]}\n"), run.stderr
    assert (place.folder / KEY_IDS[0]).exists()  # the stand-in for telling is `touch`
    assert base64.b64decode((place.folder / "used").read_text(encoding="utf-8")) == bytes(range(200, 232))
    assert list((place.folder / "memory").iterdir()) == []


def test_a_slave_fetches_the_key_that_it_is_told_and_tells_nobody(place: Place) -> None:
    assert place.run("rotate.sh", "a.env", KEY_IDS[0]).returncode == 0
    assert f"/api/v1/keys/b/dec_keys?key_ID={KEY_IDS[0]}" in place.command_lines
    assert "enc_keys" not in place.command_lines
    assert not (place.folder / KEY_IDS[0]).exists()


def test_the_master_keeps_its_key_when_the_slave_has_not_changed(place: Place) -> None:
    place.settle(use="sh wireguard.sh wg0 PEER", tell="false")
    assert place.run("rotate.sh", "a.env").returncode == 1
    assert "enc_keys?number=1&size=256" in place.command_lines
    assert not (place.folder / "used").exists()
    assert list((place.folder / "memory").iterdir()) == []


def test_without_a_key_nobody_is_told_and_nothing_changes(place: Place) -> None:
    (place.folder / "no-key").touch()
    assert place.run("rotate.sh", "a.env").returncode == 22
    assert not (place.folder / "used").exists()
    assert not (place.folder / KEY_IDS[0]).exists()
    assert list((place.folder / "memory").iterdir()) == []


def test_an_answer_without_keys_leaves_the_file_of_the_key_alone(place: Place) -> None:
    (place.folder / "answer.json").write_text('{"keys": []}', encoding="utf-8")
    (place.folder / "a.key").write_text("before", encoding="utf-8")
    assert place.run("key.sh", "a.env", "a.key").returncode != 0
    assert (place.folder / "a.key").read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in place.folder.glob("a.key*")) == ["a.key"]


@pytest.mark.parametrize("said", ["$(reboot)", "../..", "a&number=9", "a b", "-o;x"])
def test_what_is_no_key_id_goes_no_further(place: Place, said: str) -> None:
    run = place.run("rotate.sh", "a.env", said)
    assert (run.returncode, run.stderr) == (2, f"rotate.sh: {said} is no key ID\n")
    assert "curl" not in place.command_lines


def test_strongswan_knows_the_key_and_the_one_before(place: Place) -> None:
    (place.folder / "conf").mkdir()
    place.settle(use="sh strongswan.sh conf office", tell="true")
    keys = [bytes([number] * 32) for number in range(3)]
    for key, key_id in zip(keys, KEY_IDS, strict=True):
        place.deliver(key, key_id)
        assert place.run("rotate.sh", "a.env").returncode == 0
    files = sorted((place.folder / "conf").iterdir())
    read = _parsed("".join(file.read_text(encoding="utf-8") for file in files))
    assert read == {
        f"secrets.ppk-{KEY_IDS[1]}.id": KEY_IDS[1],
        f"secrets.ppk-{KEY_IDS[1]}.secret": f"0x{keys[1].hex()}",
        f"secrets.ppk-{KEY_IDS[2]}.id": KEY_IDS[2],
        f"secrets.ppk-{KEY_IDS[2]}.secret": f"0x{keys[2].hex()}",
        "connections.office.ppk_id": KEY_IDS[2],
        "connections.office.ppk_required": "yes",
    }
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert place.command_lines.count("swanctl --load-all --noprompt") == 3


def _parsed(text: str) -> dict[str, str]:
    """Read what swanctl.conf may hold: sections in braces, and settings, one a line."""
    sections: list[str] = []
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if opened := re.fullmatch(r"([A-Za-z0-9_-]+) \{", line):
            sections.append(opened[1])
        elif line == "}":
            sections.pop()
        else:
            name, _, value = line.partition(" = ")
            assert re.fullmatch(r"[a-z_]+", name), line
            assert value, line
            found[".".join([*sections, name])] = value
    assert sections == []
    return found


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_a_session_of_openssl_holds_the_key(place: Place) -> None:
    key = bytes(range(224, 256))
    session = place.run("session.sh", stdin=f"{base64.b64encode(key).decode()}\n").stdout
    shown = place.run("-c", "openssl sess_id -noout -text", stdin=session).stdout
    assert re.search(rf"PSK: {key.hex().upper()}$", shown, flags=re.MULTILINE)
    assert re.search(r"Protocol *: TLSv1.3$", shown, flags=re.MULTILINE)
    assert re.search(r"Cipher *: TLS_AES_256_GCM_SHA384$", shown, flags=re.MULTILINE)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
@pytest.mark.parametrize("use", ["wireguard.sh wg0 PEER", "strongswan.sh . office"])
def test_no_key_is_on_a_command_line(place: Place, use: str) -> None:
    place.settle(use=f"sh {use}", tell="true")
    assert place.run("rotate.sh", "a.env").returncode == 0
    text = json.loads((place.folder / "answer.json").read_text(encoding="utf-8"))["keys"][0]["key"]
    assert place.run("session.sh", stdin=text).returncode == 0
    assert place.run("psk-line.sh", KEY_IDS[0], stdin=text).stdout == f"{KEY_IDS[0]}:{bytes(range(200, 232)).hex()}\n"
    noted = place.command_lines
    assert {"curl", "jq", "base64", "mktemp"} <= {line.split()[0] for line in noted.splitlines() if line}
    assert text not in noted
    assert bytes(range(200, 232)).hex() not in noted.lower()


def test_a_key_on_a_command_line_would_be_noticed(place: Place) -> None:
    (place.folder / "leak.sh").write_text('cat "$(jq -r ".keys[0].key" answer.json)"\n', encoding="utf-8")
    place.run("leak.sh")
    assert base64.b64encode(bytes(range(200, 232))).decode() in place.command_lines


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_the_suite_for_tls_1_2_has_a_key_exchange(place: Place) -> None:
    suites = set(re.findall(r"^ciphers = (\S+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    (suite,) = suites
    listed = place.run("-c", f"openssl ciphers -v -psk -s -tls1_2 {suite}").stdout
    assert re.search(rf"^{suite} +TLSv1.2 +Kx=ECDHEPSK ", listed, flags=re.MULTILINE)
