"""The page of invariants says what the tests' marks say, and no mark names a rule that there is not."""

from __future__ import annotations

from tests.architecture.test_invariants import RULES
from tests.docs.invariants import MORE, PAGE, page, showing

LITERATURE = "V"


def test_the_page_is_what_the_marks_say() -> None:
    told = "write it anew: python -m tests.docs.invariants"
    assert PAGE.read_text(encoding="utf-8") == page(), told


def test_every_mark_names_a_rule_that_is_stated_once() -> None:
    assert not RULES.keys() & MORE.keys()
    known = RULES.keys() | MORE.keys()
    assert {name for name in showing() if not name.startswith(LITERATURE)} <= known


def test_a_rule_that_nobody_shows_is_told_as_open() -> None:
    shown, text = showing(), page()
    for name in (*RULES, *MORE):
        if not name.startswith(LITERATURE):
            told = text.partition(f"**{name}**")[2].partition("**")[0]
            assert ("not shown yet" in told) == (name not in shown), name
