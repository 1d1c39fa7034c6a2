"""The documentation as a site: built without a warning, whole, and not loading anything from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT

AT_THE_ROOT: Final = {"overview.html", "contributing.html", "security.html", "license.html", "changes.html"}
LOADED: Final = {"src", "srcset", "data", "poster"}  # what a browser fetches without being asked; and of `link`, href
ELSEWHERE: Final = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", flags=re.IGNORECASE)
IN_STYLE: Final = re.compile(r"(?:url\(\s*[\"']?|@import\s+[\"'])(\s*(?:https?:)?//[^\"')]+)", flags=re.IGNORECASE)


class Addresses(HTMLParser):
    """What a page loads, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: set[str] = set()
        self.classes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.classes.update(given.get("class", "").split())
        self.loaded += [value for name, value in given.items() if name in LOADED]
        if tag == "a":
            self.links.add(given.get("href", "").partition("#")[0])
        elif tag == "link":
            self.loaded.append(given.get("href", ""))


def from_elsewhere(text: str) -> list[str]:
    return [each for each in Addresses(text).loaded if ELSEWHERE.match(each)] + IN_STYLE.findall(text)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def pages_of(site: Path) -> Iterator[Path]:
    return (page for page in site.rglob("*.html") if page.name != "404.html")


@pytest.mark.slow
def test_every_document_is_a_page(site: Path) -> None:
    sources = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in ROOT.glob("docs/**/*.md")}
    expected = {source.replace("README", "index") for source in sources} | AT_THE_ROOT
    assert {page.relative_to(site).as_posix() for page in pages_of(site)} == expected


@pytest.mark.slow
def test_every_page_is_in_the_navigation(site: Path) -> None:
    links = Addresses((site / "index.html").read_text(encoding="utf-8")).links
    assert {page.relative_to(site).as_posix() for page in pages_of(site)} - links == set()


@pytest.mark.slow
def test_links_between_pages_lead_somewhere(site: Path) -> None:
    for page in pages_of(site):
        own = {link for link in Addresses(page.read_text(encoding="utf-8")).links if link and ":" not in link}
        assert {link for link in own if not (page.parent / link).exists()} == set(), page


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in (*site.rglob("*.html"), *site.rglob("*.css"))}
    assert {page.name: found for page, text in texts.items() if (found := from_elsewhere(text))} == {}


@pytest.mark.slow
def test_no_page_has_the_script_fetch_something(site: Path) -> None:
    # The theme's script loads Mermaid for elements of this class, and asks the host of a repository about it.
    for page in site.rglob("*.html"):
        assert not {"mermaid", "md-source"} & Addresses(page.read_text(encoding="utf-8")).classes, page


@pytest.mark.slow
def test_a_block_has_its_name_and_no_page_a_link_out_of_the_site(site: Path) -> None:
    tutorial = (site / "tutorial/first-network.html").read_text(encoding="utf-8")
    assert '<span class="filename">dark.yaml</span>' in tutorial
    assert "../overview.html" in Addresses(tutorial).links


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://host/x.js"></script>',
        '<link rel="stylesheet" href="//host/x.css">',
        '<img srcset="https://host/x.png 2x">',
        '<style>@import "https://host/x.css";</style>',
        "<p style=\"background: url('https://host/x.png')\">",
    ],
)
def test_what_comes_from_elsewhere_is_found(text: str) -> None:
    assert len(from_elsewhere(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://host/">',
        '<script src="../x.js"></script>',
        "url(\"data:image/svg+xml,<svg xmlns='http://x'\")",
    ],
)
def test_what_is_here_or_only_linked_is_left_alone(text: str) -> None:
    assert from_elsewhere(text) == []
