"""Around the source: what is declared is used, the lock is complete and names no host, the wheel holds its data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.rules import third_party
from tests.architecture.source import PACKAGE, ROOT, files, modules

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK: Final = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
IMPORTED_AS: Final = {  # distributions that are imported under another name
    "nats-py": "nats",
    "prometheus-client": "prometheus_client",
    "python-pkcs11": "pkcs11",
    "python-sat": "pysat",
    "ruamel-yaml": "ruamel",
}


def normal(requirement: str) -> str:
    """Give the name of a distribution as package indexes compare it."""
    name = re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {IMPORTED_AS.get(name, name) for name in map(normal, requirements)}


def imported() -> dict[str, str]:
    return third_party(modules(PACKAGE), frozenset({"keytwin"}), frozenset(sys.stdlib_module_names))


def pinned() -> dict[str, str]:
    """Give the entries of the lock: name and everything that belongs to it."""
    entries = re.split(r"\n(?=\w)", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE))
    return {normal(entry): entry for entry in entries if entry.strip()}


def test_every_import_is_declared() -> None:
    extras = [each for name, extra in PROJECT["optional-dependencies"].items() if name != "dev" for each in extra]
    allowed = declared(PROJECT["dependencies"]) | declared(extras)
    assert {name: where for name, where in imported().items() if name not in allowed} == {}


def test_every_core_dependency_is_imported() -> None:
    assert declared(PROJECT["dependencies"]) - imported().keys() == set()


def test_the_lock_holds_what_is_declared_with_hashes() -> None:
    extras = PROJECT["optional-dependencies"]
    tested = re.findall(r"\w+", "".join(each for each in extras["dev"] if each.startswith("keytwin[")))[1:]
    assert tested, "the extras are tested too"
    declared = [*PROJECT["dependencies"], *extras["dev"], *(each for name in tested for each in extras[name])]
    wanted = {normal(each) for each in declared} - {"keytwin"}
    assert wanted - pinned().keys() == set()
    assert [name for name, entry in pinned().items() if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_host() -> None:
    assert re.findall(r".*(?:://|--index|--find-links|--trusted-host).*", LOCK) == []


def test_the_lock_has_one_version_of_each_package() -> None:
    names = re.findall(r"^([\w.-]+)==", LOCK, flags=re.MULTILINE)
    assert sorted(names) == sorted(set(names))


def test_ci_is_executable_and_calls_what_the_readme_tells() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"^make (\w+)$", script.read_text(encoding="utf-8"), flags=re.MULTILINE) == [
        "check",
        "demo",
        "test",
    ]


@pytest.mark.slow
def test_the_wheel_holds_code_library_licence_and_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {path.relative_to(ROOT / "src").as_posix() for path in files(PACKAGE)}
    assert wanted - held == set()
    assert {name.rpartition("/")[2] for name in held} >= {"entry_points.txt", "LICENSE"}
