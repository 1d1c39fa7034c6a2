"""The public names: few, documented, and each where `__init__` says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import keytwin
from tests.architecture.source import ROOT

MOST_NAMES = 25
DOCUMENTED = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", keytwin.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(keytwin, name) is not None
    assert re.search(rf"^\| `{name}[(`]", DOCUMENTED, flags=re.MULTILINE)


def test_public_names_are_few_and_sorted() -> None:
    assert len(keytwin.__all__) <= MOST_NAMES
    assert keytwin.__all__ == sorted(keytwin.__all__)
    assert dir(keytwin) == keytwin.__all__


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        keytwin.runn  # type: ignore[attr-defined]  # noqa: B018  # the point of the test


def test_the_api_is_loaded_when_it_is_used() -> None:
    code = "import sys, keytwin.cli; print(sorted({'numpy', 'scipy', 'matplotlib', 'ruamel.yaml'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "src")
    assert run.stdout == "[]\n"
