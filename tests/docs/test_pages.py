"""Every command and Python block of the documentation does what the page says, and every link leads somewhere."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from keytwin.keymanagement.limits import LARGEST_KEY, MOST_PER_REQUEST, SMALLEST_KEY
from keytwin.operation.faces import FACE_PATIENCE, SLOWNESS
from keytwin.runtime.edge_limits import LIMITS
from keytwin.vocabulary.units import in_seconds
from tests.architecture.source import ROOT
from tests.docs.snippets import Block, blocks, execute, stop_networks

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]

TOOLS: Final = ("curl", "jq", "openssl")
JUDGES: Final = ("skip_qkd",)
"""Packages of others that pages show and that are no dependencies: they need more than pip to be installed."""


def identify(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_page_runs(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if "keytwin" in "".join(block.text for block in blocks(text) if block.language != "text"):
        _require_the_command_line()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    names: dict[str, object] = {"__name__": "page"}
    _require_tools(text)
    try:
        for block in blocks(text):
            with _naming(page, block):
                execute(block, tmp_path, names, targets)
    finally:
        stop_networks(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_limits_of_a_face_are_those_of_the_code() -> None:
    page = (ROOT / "docs/howto/point-an-encryptor-at-it.md").read_text(encoding="utf-8")
    told = " ".join(page.split())
    quoted = [
        f"Keys of {SMALLEST_KEY} to {LARGEST_KEY:,} bits",
        f"{MOST_PER_REQUEST} at most",
        f"target of at most {LIMITS.target // 1024} KiB",
        f"headers of at most {LIMITS.head // 1024} KiB in {LIMITS.lines} lines",
        f"body of at most {LIMITS.body // 1024} KiB, received within {LIMITS.receipt_seconds:g} s",
        f"idle for {LIMITS.idle_seconds:g} s. {LIMITS.connections:,} connections",
        f"waits up to {in_seconds(FACE_PATIENCE):g} s",
        f"every answer takes {SLOWNESS:g} s longer",
    ]
    assert [each for each in quoted if each not in told] == []


@contextmanager
def _naming(page: Path, block: Block) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"{identify(page)}:{block.line}")
        raise


def _require_tools(text: str) -> None:
    """Skip a page whose commands need what this machine lacks; each page says what that is."""
    shown = "".join(block.text for block in blocks(text) if block.language in {"console", "bash", "sh"})
    lacking = [tool for tool in TOOLS if re.search(rf"\b{tool} ", shown) and shutil.which(tool) is None]
    python = "".join(block.text for block in blocks(text) if block.language == "python")
    lacking += [each for each in JUDGES if f"from {each} " in python and importlib.util.find_spec(each) is None]
    if lacking:
        pytest.skip(f"there is no {', no '.join(lacking)} here")


def _require_the_command_line() -> None:
    if importlib.util.find_spec("keytwin.cli") is None:
        pytest.skip("keytwin.cli is not there yet")
