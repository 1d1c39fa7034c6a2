"""Marks that tie a test to what it checks: the clause of a standard, or a rule that may never break.

The conformance page and the table of invariants are generated from these marks, so both arguments are checked here.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

DOCUMENT: Final = re.compile(r"(ETSI G[SR] QKD|ETSI TS|ITU-T [XY]\.|RFC|NIST|IETF|FIPS|IEEE|paper [AB])\s?\S.*")
INVARIANT: Final = re.compile(r"[ACKOPQRSVZ]\d{1,2}")


def clause(document: str, number: str) -> pytest.MarkDecorator:
    """Mark a test with the clause it checks: `@clause("ETSI GS QKD 014 V1.1.1", "6.1")`."""
    assert DOCUMENT.fullmatch(document), f"{document!r}: name the document as its publisher does, with its version"
    assert number, "a clause has a number"
    return pytest.mark.clause(document, number)


def invariant(name: str) -> pytest.MarkDecorator:
    """Mark a test with the rule it checks: `@invariant("K1")`; V1, V5 ... are checks against the literature."""
    assert INVARIANT.fullmatch(name), f"{name!r}: a rule is a letter and a number, such as K1"
    return pytest.mark.invariant(name)
