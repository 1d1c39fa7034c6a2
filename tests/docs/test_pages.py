"""Every command and Python block of the documentation does what the page says, and every link leads somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.docs.snippets import blocks, execute

PAGES = [
    page for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))) if page.exists()
]


def identify(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_page_runs(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if "keytwin" in "".join(block.text for block in blocks(text) if block.language != "text"):
        _require_the_command_line()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(text):
        try:
            execute(block, tmp_path, names, targets)
        except Exception as error:
            error.add_note(f"{identify(page)}:{block.line}")
            raise


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def _require_the_command_line() -> None:
    if importlib.util.find_spec("keytwin.cli") is None:
        pytest.skip("keytwin.cli is not there yet")
