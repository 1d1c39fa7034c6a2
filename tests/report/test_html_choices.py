"""Choices with their reasons, what else was looked at, and the ways out."""

from __future__ import annotations

import re

import msgspec

from keytwin.report.html_choices import LEFT_OPEN, MOST_PROPOSALS, choices, proposals, ways_out
from keytwin.report.html_wording import Names
from tests.report.answers import PROPOSAL, answer

NAMES = Names("qkd")


def said(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).replace("\u00a0", " ").split())


def test_a_choice_has_the_reasons_of_the_rules_that_ask_for_it() -> None:
    text = said(choices(answer(), NAMES))
    assert "Q-Link: Trusted relay" in text
    assert "No direct link reaches so far (N1) derive-reach" in text
    assert LEFT_OPEN in text


def test_what_was_ruled_out_and_given_up_is_told_apart() -> None:
    text = said(choices(answer(), NAMES))
    up, out = text.index("What was given up"), text.index("What was ruled out")
    assert up < text.index("Others own it (N5)") < out < text.index("Nobody sells it (N3)")


def test_what_cannot_run_is_said_and_nothing_stands_in_for_it() -> None:
    assert "keytwin cannot run it yet: Hybrid keys: " in said(choices(answer(), NAMES))


def test_an_unknown_variant_keeps_its_identifier() -> None:
    assert "mine.own" in said(choices(answer(variants=("mine.own",)), NAMES))
    assert Names("no such model").of("protocol.bb84") == "protocol.bb84"


def test_no_file_is_read_because_a_verdict_names_it() -> None:
    assert Names("/etc/passwd").all(("a", "b")) == "a and b"


def test_proposals_stand_side_by_side_without_a_score() -> None:
    text = said(proposals(answer(), NAMES))
    assert "1 taken QKD protocol: Decoy-state BB84 and Q-Link: Trusted relay 2 MEUR" in text
    assert "2 misses N2 QKD protocol: COW" in text
    assert "There is no overall score" in text
    assert "score" not in text.replace("There is no overall score", "")


def test_what_cannot_be_built_comes_by_its_reason() -> None:
    text = said(proposals(answer(), NAMES))
    assert "1 design that cannot be built here" in text
    assert "no key at 90 dB. No. 3: QKD protocol: DPS" in text


def test_a_single_proposal_needs_no_table() -> None:
    assert proposals(answer(proposals=(PROPOSAL,)), NAMES) == ""


def test_of_many_proposals_the_first_are_shown_and_the_taken_one() -> None:
    many = tuple(
        msgspec.structs.replace(PROPOSAL, number=number, is_taken=number == 90, cost=f"{number} EUR")
        for number in range(1, 101)
    )
    text = said(proposals(answer(proposals=many), NAMES))
    assert f"{MOST_PROPOSALS} EUR" in text
    assert f"{MOST_PROPOSALS + 1} EUR" not in text
    assert "90 taken" in text
    assert f"{100 - MOST_PROPOSALS - 1} more designs in verdict.json" in text


def test_conflicts_and_the_changes_that_end_them() -> None:
    text = said(ways_out(answer()))
    assert "No design meets N2 and N3 together" in text
    assert "No design meets N1, whatever becomes of the other needs" in text
    assert "N2 from 5 s to 60 s N3 from 1 MEUR to 2 MEUR" in text


def test_where_something_fits_there_is_no_way_out_to_look_for() -> None:
    assert ways_out(answer(conflicts=(), relaxations=())) == ""
