"""Each published value is reproduced within its tolerance, and says where it comes from."""

from __future__ import annotations

import re

import pytest

from keytwin.report.papers import reproduce
from keytwin.report.published import PUBLISHED, Published


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda each: each.name)
def test_the_value_is_reproduced(published: Published) -> None:
    (row,) = (each for each in reproduce(published.name) if each.name == published.name)
    assert row.ok, f"{row.ours} instead of {row.published}: {row.error:.1e} off, {row.tolerance:g} allowed"


def test_there_are_enough_and_each_has_its_name() -> None:
    assert len(PUBLISHED) >= 15
    assert len({each.name for each in PUBLISHED}) == len(PUBLISHED)


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda each: each.name)
def test_the_source_can_be_found(published: Published) -> None:
    """Somebody, and a journal with volume and page."""
    assert re.search(r"[A-Z][a-z]+.*, (PRA|PRL|RMP|Nature|Nat\. Commun\.) \d+ \d+", published.source)
    assert 0 < published.tolerance <= 0.02
    assert published.value > 0
