"""The shipped OVMs and views, read once, and what tests ask of an architecture."""

from __future__ import annotations

from functools import cache

from keytwin.assessment.tables import tables
from keytwin.design.composition import Architecture, compose
from keytwin.design.draft import Draft
from keytwin.design.fragments import Library
from keytwin.design.model import Element, ElementId
from keytwin.design.variability import Ovm
from keytwin.files.ovm import library_ovm
from keytwin.files.view_library import read_library
from tests.design.configurations import chosen

PAPER_A = (
    "protocol.bb84",
    "q-link.repeater",
    "medium.terrestrial",
    "medium.satellite",
    "terrestrial.fibre",
    "free-space.single",
)
"""The selection of the case study: paper A, IV-C."""
ONE_MEDIUM = ("protocol.bb84", "q-link.repeater", "medium.terrestrial", "terrestrial.fibre")


@cache
def ovm(name: str = "qkd") -> Ovm:
    return library_ovm(name)


@cache
def library() -> Library:
    return read_library("qkd", ovm(), tables())


@cache
def composed(*names: str, of: str = "qkd") -> Architecture:
    return compose(ovm(of), library(), chosen(ovm(of), *names))


def draft_of(architecture: Architecture) -> Draft:
    """The finished architecture as the rules look at it."""
    after = architecture.after
    return Draft(ovm(), library(), architecture.configuration, after.model, after.views)


def rules_of(findings: tuple[object, ...]) -> set[str]:
    return {str(getattr(each, "rule", "")) for each in findings}


def element(architecture: Architecture, name: str) -> Element:
    return architecture.after.model.elements[ElementId(name)]
