"""What came of the needs, as SysML v2: each need a requirement, its verification a case with verdict and evidence.

The last of the rules of agreement asks that a requirement's verdict is bound to a measured run: here are the bonds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from keytwin.design.measures import Found
from keytwin.design.model import Method, Model, Requirement, Verification
from keytwin.design.sysml_export import NOTE
from keytwin.design.sysml_names import Names, names_of
from keytwin.design.sysml_requirements import METHODS
from keytwin.design.sysml_text import Lines, block, doc, metadata, pascal, quoted, string
from keytwin.design.variability import Ovm
from keytwin.design.verdict import Outcome, Verdict, show_value

FILE: Final = "verdicts.sysml"
_KINDS: Final = {Outcome.MET: "pass", Outcome.MISSED: "fail"}
"""What is neither is inconclusive: VerdictKind of the standard library has no other word."""


class Bond(NamedTuple):
    """The run that a verdict rests on."""

    run: str
    seed: int
    first: int
    """Number of the first event that counts; the last is the run's last."""
    trace: str
    """SHA-256."""


class Sworn(NamedTuple):
    """A verdict and its run; None where analysis or inspection was enough."""

    verdict: Verdict
    bond: Bond | None = None
    measured: Found | None = None
    """What that run came to, where the verdict's own value is one of analysis."""

    @property
    def found(self) -> Found | None:
        """What is shown: what was measured before what was worked out."""
        return self.measured or self.verdict.found


def verdicts_text(ovm: Ovm, model: Model, sworn: Iterable[Sworn]) -> str:
    """Return the text of the file; `model` is that of the architecture that the needs are asked of."""
    prefix, names = pascal(ovm.name), names_of(model)
    # A model without a system has nothing that a need could be asked of.
    root = next(iter(names.roots), None)
    subject = names.short(root) if root is not None else "Anything"
    every = tuple(sworn)
    body = [
        *doc("The needs as they were said, how each was verified, and what came of it."),
        *(f"private import {quoted(f'{prefix}{part}')}::*;" for part in ("Library", "Architecture", "Requirements")),
        "private import ScalarValues::*;",
        "private import VerificationCases::*;",
        *_evidence(),
        *(line for each in every for line in _need(each, subject)),
        *(line for line in _bound(names, every)),
    ]
    return NOTE + "\n".join(block(f"package {quoted(f'{prefix}Verdicts')}", body)) + "\n"


def _evidence() -> Lines:
    parts = ("value", "method", "run", "seed", "events", "trace")
    about = doc("What a verdict rests on: a value, and the events of a run that anybody can run again.")
    return block("metadata def Evidence", [*about, *(f"attribute {part} : String[0..1];" for part in parts)])


def _need(sworn: Sworn, subject: str) -> Iterator[str]:
    verdict = sworn.verdict
    need = verdict.need
    name = f"need {need.id}"
    yield from block(
        f"requirement <{quoted(need.id)}> {quoted(name)}",
        [*doc(need.text), f"subject 'concerned' : {subject};"],
    )
    method = sworn.found.method if sworn.found else Method.TEST
    yield from block(
        f"verification def {quoted(f'verification of {need.id}')}",
        [
            *doc(" ".join(filter(None, (need.measure, need.written, f"under {need.under}" if need.under else "")))),
            f"subject 'examined' : {subject};",
            f"@VerificationMethod {{ kind = VerificationMethodKind::{METHODS[method]}; }}",
            *_told(sworn),
            f"objective {{ verify {quoted(name)}; }}",
            f"return verdict : VerdictKind = VerdictKind::{_KINDS.get(verdict.outcome, 'inconclusive')};",
        ],
    )


def _told(sworn: Sworn) -> Lines:
    found, bond = sworn.found, sworn.bond
    values = {"value": show_value(sworn.verdict.measure, found.value), "method": str(found.method)} if found else {}
    if bond is not None:
        values |= {"run": bond.run, "seed": str(bond.seed), "events": f"from {bond.first} on", "trace": bond.trace}
    return metadata("Evidence", **{name: string(value) for name, value in values.items() if value})


def _bound(names: Names, every: tuple[Sworn, ...]) -> Iterator[str]:
    """Bind the architecture's own requirements that need a run to the runs in which something failed."""
    failing = [each for each in every if each.bond is not None and each.verdict.need.under is not None]
    for case in names.model.all(Verification):
        if case.method is not Method.TEST or not failing:
            continue
        requirement = names.model.get(case.requirement, Requirement)
        passed = all(each.verdict.outcome is Outcome.MET for each in failing)
        yield from block(
            f"verification {quoted(f'{requirement.name} as measured')} : {names.short(case.id)}",
            [
                *(line for each in failing for line in _told(each)),
                f"return :>> verdict : VerdictKind = VerdictKind::{'pass' if passed else 'fail'};",
            ],
        )
