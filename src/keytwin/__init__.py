"""keytwin: a quantum-key-distribution network that runs from a file, over a twin of its hardware, and a verdict.

These names are the public API; `docs/reference/api.md` describes them. They are loaded when they are first used, so
that a command line that only wants to say how it is used stays quick.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from keytwin.assessment.architecture import architecture
    from keytwin.assessment.case import answer_to
    from keytwin.control.metrics import LinkView
    from keytwin.design.composition import Architecture
    from keytwin.keymanagement.algorithms import PoolLevel
    from keytwin.report.link import LinkRate, link_rate
    from keytwin.report.link_analytic import analytic_rates
    from keytwin.report.link_limits import Explanation, explain_link
    from keytwin.report.run import Run, run
    from keytwin.runtime.trace import Happening
    from keytwin.scenario.load import load
    from keytwin.vocabulary.blueprint import Blueprint
    from keytwin.vocabulary.errors import FileMistake, Finding, KeytwinError, Mistake, Refusal
    from keytwin.vocabulary.evidence import AppEvidence, Evidence, KeyAccount, LinkAccount
    from keytwin.vocabulary.timeline import Scenario

__all__ = [
    "AppEvidence",
    "Architecture",
    "Blueprint",
    "Evidence",
    "Explanation",
    "FileMistake",
    "Finding",
    "Happening",
    "KeyAccount",
    "KeytwinError",
    "LinkAccount",
    "LinkRate",
    "LinkView",
    "Mistake",
    "PoolLevel",
    "Refusal",
    "Run",
    "Scenario",
    "analytic_rates",
    "answer_to",
    "architecture",
    "explain_link",
    "link_rate",
    "load",
    "run",
]

_HOME: Final = MappingProxyType(
    {
        "AppEvidence": "vocabulary.evidence",
        "Architecture": "design.composition",
        "Blueprint": "vocabulary.blueprint",
        "Evidence": "vocabulary.evidence",
        "Explanation": "report.link_limits",
        "FileMistake": "vocabulary.errors",
        "Finding": "vocabulary.errors",
        "Happening": "runtime.trace",
        "KeyAccount": "vocabulary.evidence",
        "KeytwinError": "vocabulary.errors",
        "LinkAccount": "vocabulary.evidence",
        "LinkRate": "report.link",
        "LinkView": "control.metrics",
        "Mistake": "vocabulary.errors",
        "PoolLevel": "keymanagement.algorithms",
        "Refusal": "vocabulary.errors",
        "Run": "report.run",
        "Scenario": "vocabulary.timeline",
        "analytic_rates": "report.link_analytic",
        "answer_to": "assessment.case",
        "architecture": "assessment.architecture",
        "explain_link": "report.link_limits",
        "link_rate": "report.link",
        "load": "scenario.load",
        "run": "report.run",
    }
)


if not TYPE_CHECKING:  # a type checker knows the names above, and should refuse others

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module 'keytwin' has no attribute {name!r}")
        return getattr(import_module(f"keytwin.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
