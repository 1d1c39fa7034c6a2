"""Published values and the page that shows them."""

from __future__ import annotations

import dataclasses

import pytest

from keytwin.report import papers
from keytwin.report.papers import page, reproduce, show_error
from keytwin.report.published import PUBLISHED, Origin
from keytwin.vocabulary.errors import Mistake
from tests.architecture.source import ROOT

PAGE = ROOT / "docs/reference/papers.md"


def test_the_page_is_up_to_date() -> None:
    told = "write it anew: python -m keytwin.report.papers > docs/reference/papers.md"
    assert PAGE.read_text(encoding="utf-8") == page(), told


def test_the_page_has_every_value_and_says_where_it_comes_from() -> None:
    text = page()
    assert [each.name for each in PUBLISHED if f"| `{each.name}` | {each.source} |" not in text] == []
    assert [origin.value for origin in Origin if f"- *{origin.value}*: " not in text] == []


def test_a_family_is_found_by_the_beginning_of_its_names() -> None:
    assert [row.name for row in reproduce("bbm92")] == [
        each.name for each in PUBLISHED if each.name.startswith("bbm92-")
    ]
    assert [row.name for row in reproduce("gys-reach")] == ["gys-reach"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(Mistake, match=r"'gys-raech' \(did you mean 'gys-reach'\?\)"):
        reproduce("gys-raech")
    with pytest.raises(Mistake, match="keytwin papers ls lists them"):
        reproduce("zzzzzzzzzzzz")


def test_a_value_that_is_off_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = dataclasses.replace(PUBLISHED[0], value=PUBLISHED[0].ours() * 1.1, tolerance=0.05)
    monkeypatch.setattr(papers, "PUBLISHED", (wrong,))
    (row,) = reproduce()
    assert not row.ok
    assert row.error == pytest.approx(1 - 1 / 1.1)


@pytest.mark.parametrize(("error", "shown"), [(3e-9, "< 1e-06"), (2.24e-3, "2.2e-03"), (0.0, "< 1e-06")])
def test_errors_are_shown_as_far_as_they_mean_something(error: float, shown: str) -> None:
    assert show_error(error) == shown
