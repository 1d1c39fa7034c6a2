"""Examinations as tables, JUnit XML and records."""

from __future__ import annotations

import io
from dataclasses import replace
from xml.etree import ElementTree as ET

import msgspec
from rich.console import Console

from keytwin.operation.conformance import STANDARD
from keytwin.operation.conformance_questions import MOST_KEYS
from keytwin.operation.conformance_values import Examination, Level, Outcome, Result
from keytwin.report.conformance import (
    conformance_junit,
    conformance_record,
    conformance_table,
    conformance_verdict,
)

RESULTS = (
    Result("Table 4", Level.MUST, "status is told", Outcome.PASS),
    Result("6.2", Level.MUST, 'a <title> & "quotes"', Outcome.FAIL, ("said '\x1b[2J\ud800'", "and [bold]more")),
    Result("6.5", Level.SHOULD, "kind words", Outcome.FAIL, ("rude",)),
    Result("6.4", Level.MUST, "the slave", Outcome.SKIP, ("no certificate",)),
)
DONE = Examination(STANDARD, "https://a:1", "https://b:2", RESULTS, 7, MOST_KEYS)


def shown(done: Examination) -> str:
    screen = Console(file=io.StringIO(), width=100)
    screen.print(conformance_table(done))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_only_a_must_that_fails_breaks_the_standard() -> None:
    assert not DONE.is_passed
    assert replace(DONE, results=(RESULTS[0], *RESULTS[2:])).is_passed


def test_the_table_has_each_check_with_its_clause_and_what_is_wrong() -> None:
    text = shown(DONE)
    for result in RESULTS:
        assert result.clause in text
        assert result.title in text
    assert "FAIL" in text
    assert "- rude" in text
    assert "- no certificate" in text
    assert "[bold]more" in text, "square brackets mean themselves"
    assert "\x1b" not in text, "a stranger's words command no terminal"


def test_the_verdict_counts() -> None:
    assert conformance_verdict(DONE) == "1 passed, 1 failed that must not, 1 that should not, 1 skipped"


def test_junit_is_sound_xml_and_red_where_the_exit_code_is() -> None:
    (suite,) = ET.fromstring(conformance_junit(DONE))  # noqa: S314  # what we have just written ourselves
    assert suite.attrib == {
        "name": STANDARD,
        "hostname": "https://a:1",
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
    }
    cases = list(suite)
    assert [case.attrib["name"] for case in cases] == [result.title for result in RESULTS]
    assert cases[0].attrib["classname"] == f"{STANDARD}, Table 4"
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["skipped"], ["skipped"]]
    assert cases[1][0].attrib == {"type": "must", "message": "said '?[2J?'; and [bold]more"}
    assert cases[2][0].attrib["message"] == "recommended only: rude"
    assert cases[3][0].attrib["message"] == "no certificate"


def test_the_record_holds_all_of_it() -> None:
    record = msgspec.json.decode(msgspec.json.encode(conformance_record(replace(DONE, results=RESULTS[2:]))))
    assert record == {
        "format": 1,
        "standard": STANDARD,
        "master_url": "https://a:1",
        "slave_url": "https://b:2",
        "passed": True,
        "keys_used": 7,
        "most_keys": MOST_KEYS,
        "checks": [
            {"clause": "6.5", "level": "should", "title": "kind words", "outcome": "fail", "notes": ["rude"]},
            {"clause": "6.4", "level": "must", "title": "the slave", "outcome": "skip", "notes": ["no certificate"]},
        ],
    }
