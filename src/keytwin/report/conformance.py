"""What came of an examination of a foreign key manager: as a table, as JUnit XML, and as a record for JSON.

JUnit knows no "should". Who reads the file wants red to mean what exit code 1 means: a recommendation that was not
followed stands in it as skipped, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from keytwin.operation.conformance_values import Examination, Outcome, Result

FORMAT: Final = 1
_NO_XML: Final = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, clause 2.2


class CheckRecord(msgspec.Struct, frozen=True):
    """One check and what came of it."""

    clause: str
    level: str
    title: str
    outcome: str
    notes: tuple[str, ...]


class ConformanceRecord(msgspec.Struct, frozen=True):
    """All of an examination; no key is in it."""

    format: int
    standard: str
    master_url: str
    slave_url: str
    passed: bool
    keys_used: int
    most_keys: int
    checks: tuple[CheckRecord, ...]


def conformance_record(done: Examination) -> ConformanceRecord:
    """Return an examination as it is written in JSON."""
    checks = tuple(CheckRecord(each.clause, each.level, each.title, each.outcome, each.notes) for each in done.results)
    urls = done.master_url, done.slave_url
    return ConformanceRecord(FORMAT, done.standard, *urls, done.is_passed, done.keys_used, done.most_keys, checks)


def conformance_table(done: Examination) -> Table:
    """Return every check as a row, with what is wrong below its title."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in ("", "clause", "level", done.standard):
        table.add_column(title, overflow="fold", no_wrap=title == "clause")
    for each in done.results:
        said = "\n".join((each.title, *(f"- {_plain(note)}" for note in each.notes)))
        outcome = each.outcome.upper() if each.outcome is Outcome.FAIL else each.outcome.value
        table.add_row(outcome, each.clause, each.level, Text(said))
    return table


def conformance_verdict(done: Examination) -> str:
    """Return the outcome in one line."""
    failed = sum(result.breaks for result in done.results)
    others = done.number(Outcome.FAIL) - failed
    return (
        f"{done.number(Outcome.PASS)} passed, {failed} failed that must not, {others} that should not, "
        f"{done.number(Outcome.SKIP)} skipped"
    )


def conformance_junit(done: Examination) -> str:
    """Return an examination as JUnit XML, one test case a check."""
    failed = sum(result.breaks for result in done.results)
    skipped = len(done.results) - failed - done.number(Outcome.PASS)
    counts = f'tests="{len(done.results)}" failures="{failed}" errors="0" skipped="{skipped}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {counts}>"]
    lines.append(f'<testsuite name="{_xml(done.standard)}" hostname="{_xml(done.master_url)}" {counts}>')
    lines.extend(line for result in done.results for line in _case(done.standard, result))
    return "\n".join([*lines, "</testsuite>", "</testsuites>", ""])


def _case(standard: str, result: Result) -> Iterator[str]:
    place = _xml(f"{standard}, {result.clause}")
    head = f'<testcase classname="{place}" name="{_xml(result.title)}"'
    if result.outcome is Outcome.PASS:
        yield f"{head}/>"
        return
    notes = _xml("; ".join(result.notes))
    yield f"{head}>"
    if result.breaks:
        yield f'<failure type="{result.level}" message="{notes}"/>'
    else:
        why = "recommended only: " if result.outcome is Outcome.FAIL else ""
        yield f'<skipped message="{why}{notes}"/>'
    yield "</testcase>"


def _xml(text: str) -> str:
    return escape(_NO_XML.sub("?", text))


def _plain(text: str) -> str:
    """Return what a stranger said without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
