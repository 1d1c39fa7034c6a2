"""Documents: pictures match folders and contracts, records and fragments keep their form, nothing points outside."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import PACKAGE, ROOT, files

PICTURED: Final = ("CONTRIBUTING.md", "docs/explanation/architecture.md")
RECORDS: Final = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
FRAGMENTS: Final = sorted(path for path in (ROOT / "changes").iterdir() if path.name != "README.md")
HEADINGS: Final = ["Context", "Decision", "Consequences", "What would change our mind"]
OUTSIDE: Final = {
    re.compile(r"(?<![\w.])/work" + "/"): "a folder of one machine",
    re.compile(r"\.\./" + "shared"): "a folder beside the project",
    re.compile(r"\.\./\." + r"library|(?<!\w)\." + "library/"): "a folder beside the project",
    re.compile(r"\b(DESIGN|STYLE|GOALS|SOURCES|HELPERS)\." + "md"): "a document that is not in the project",
    re.compile(r"\bfac" + r"ts/\w+\.md"): "a document that is not in the project",
}
ALLOWED: Final = {".ci/run": "a folder beside the project"}  # sets KEYTWIN_YANG_DIR where ETSI's files lie there


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def picture(page: str, heading: str) -> list[str]:
    """Give the lines of the first text block after a heading."""
    block = re.search(
        r"^```text\n(.*?)^```", read(page).partition(f"## {heading}\n")[2], flags=re.MULTILINE | re.DOTALL
    )
    assert block, f"{page} has no picture under {heading!r}"
    return block[1].splitlines()


def rooms() -> set[str]:
    inside = [path for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("__")]
    folders = {path.name + "/" for path in inside if any(files(path))}
    return folders | {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}


@pytest.mark.parametrize("page", PICTURED)
def test_the_picture_of_the_house_shows_the_folders(page: str) -> None:
    shown = {line.split()[0] for line in picture(page, "The house")[1:]}
    assert sorted(shown - rooms()) == [], "shown, but not there"
    assert sorted(rooms() - shown) == [], "there, but not shown"


@pytest.mark.parametrize("page", PICTURED)
def test_the_picture_of_imports_shows_the_contract(page: str) -> None:
    tables = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (contract,) = (table for table in tables if table["id"] == "layers")
    assert picture(page, "Who may import whom") == [re.sub(r"[()]", "", layer) for layer in contract["layers"]]


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_decision_record_is_short_and_complete(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert re.fullmatch(r"\d{4}(-[a-z0-9]+){2,}", record.stem), "NNNN-verb-object"
    assert text.startswith(f"# {record.stem[:4]} "), "the title repeats the number"
    assert text.count("\n") <= 40
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == HEADINGS


def test_decision_records_are_numbered_without_gaps() -> None:
    assert [int(record.stem[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_a_news_fragment_has_its_form(fragment: Path) -> None:
    text = fragment.read_text(encoding="utf-8")
    assert re.fullmatch(r"\d+\.(feature|fix|change|removal|security)\.md", fragment.name)
    assert text.strip(), "says what changed"
    assert not text.startswith("#"), "has no heading"


def test_references_to_decisions_lead_somewhere() -> None:
    known = {record.stem[:4] for record in RECORDS}
    sources = [path for path in files(ROOT) if path.suffix in {".py", ".md"}]
    named = {(path.name, number) for path in sources for number in re.findall(r"decisions/(\d{4})", text_of(path))}
    assert {(name, number) for name, number in named if number not in known} == set()


def test_nothing_points_outside_the_project() -> None:
    found = [offence for path in files(ROOT) for offence in pointers(path.relative_to(ROOT).as_posix(), text_of(path))]
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    "text",
    ["see /wo" + "rk/x", "cd ../" + "shared/yang", "by DESIGN." + "md 4", "(fac" + "ts/quantum.md)", "." + "library/x"],
)
def test_pointers_outside_are_found(text: str) -> None:
    assert len(pointers("docs/page.md", text)) == 1


@pytest.mark.parametrize("text", ["homework/ is fine", "src/keytwin/library/devices", "https://host/work.html"])
def test_other_text_is_left_alone(text: str) -> None:
    assert pointers("docs/page.md", text) == []


def test_ci_alone_may_name_its_neighbour() -> None:
    assert pointers(".ci/run", "yang=../" + "shared/yang") == []


def pointers(name: str, text: str) -> list[str]:
    found = [(pattern.search(text), what) for pattern, what in OUTSIDE.items() if ALLOWED.get(name) != what]
    return [f"{name}:{text.count(chr(10), 0, hit.start()) + 1} names {what}: {hit[0]}" for hit, what in found if hit]


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")
