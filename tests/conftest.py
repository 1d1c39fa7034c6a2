"""What all tests share: Hypothesis without a clock, and marks that were made by `tests.marks`."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.marks import DOCUMENT, INVARIANT

# No deadline: the speed of the machine at that moment is not what a test tests.
settings.register_profile("keytwin", deadline=None, print_blob=True)
settings.load_profile("keytwin")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a mark with arguments that no table could be made from."""
    for item in items:
        for mark in item.iter_markers("clause"):
            if len(mark.args) != 2 or not DOCUMENT.fullmatch(mark.args[0]):
                raise pytest.UsageError(f"{item.nodeid}: write @clause('ETSI GS QKD 014 V1.1.1', '6.1')")
        for mark in item.iter_markers("invariant"):
            if len(mark.args) != 1 or not INVARIANT.fullmatch(mark.args[0]):
                raise pytest.UsageError(f"{item.nodeid}: write @invariant('K1')")
