"""What a verdict rests on: the runs with their figures, what was assumed, and by what it can be checked."""

from __future__ import annotations

from typing import Final

from keytwin.assessment.answer import Answer, RunLine
from keytwin.report.html_elements import Markup, code, element, facts, joined, listed, section, table, typed, unbroken
from keytwin.report.html_wording import condition

FIGURES: Final = (
    ("Throughput", "key that arrives, for the pair that gets least"),
    ("Response delay", "wait for a key, of 99 in 100 requests"),
    ("Delay variation", "how much that wait differs"),
    ("Error ratio", "keys that differ at the two ends"),
    ("Loss ratio", "keys that were asked for and did not come"),
    ("Availability", "requests that were answered"),
)
"""The six of ITU-T Y.3807 (recalled), and what each is in plain words."""


def runs(answer: Answer) -> Markup:
    """Return the runs on the twin."""
    if not answer.runs:
        return Markup()
    heads = ("Run", "What fails", *(name for name, _ in FIGURES), "Keys again after")
    return section(
        "runs",
        "What was run",
        element(
            "p",
            "The network ran in virtual time on a twin, which makes keys as the devices would by a model of their "
            "physics. Each figure is that of the pair that is worst off. The columns are those of ITU-T Y.3807.",
        ),
        table("Runs on the twin", heads, map(_run, answer.runs)),
        facts(FIGURES),
        element("h3", "To run them again"),
        element("p", "Typed in the folder of this report, each writes the same trace, to the byte:"),
        listed(map(_again, answer.runs)),
        element("p", "Every number of the verdict is made again by ", code("keytwin eval --replay verdict.json"), "."),
    )


def _run(each: RunLine) -> tuple[str, ...]:
    failed = f"{', '.join(each.failed)} ({condition(each.under)})" if each.failed else condition(each.under)
    figures = (each.throughput, each.response_delay, each.delay_variation, each.error_ratio, each.loss_ratio)
    return each.id, failed or "nothing", *map(unbroken, figures), unbroken(each.availability), each.restoration or "-"


def _again(each: RunLine) -> Markup:
    about = f"{each.id}: {each.seconds:,.0f} s of virtual time, {each.events:,} events; SHA-256 of the trace "
    command = typed(f"keytwin run runs/{each.id}.yaml --seed {each.seed} --trace {each.id}.jsonl")
    return joined([about, element("code", each.trace, class_="told"), command])


def assumptions(answer: Answer) -> Markup:
    """Return what was taken for granted."""
    if not answer.assumptions:
        return Markup()
    return section(
        "assumptions",
        "What was assumed",
        element("p", "If one of these does not hold for you, the verdict may not either."),
        listed(answer.assumptions),
    )


def versions(answer: Answer) -> Markup:
    """Return by what this report can be checked."""
    hashes = [
        (f"SHA-256 of {name}", element("code", value, class_="told")) for name, value in sorted(answer.hashes.items())
    ]
    taken = "" if answer.take is None else f"number {answer.take}, by hand"
    return section(
        "versions",
        "Versions and fingerprints",
        facts(
            [
                ("Made by", f"keytwin {answer.keytwin}"),
                ("Seed", str(answer.seed)),
                ("Proposal", taken),
                ("Prices", f"cost book {answer.costs}"),
                ("Variability model", answer.ovm),
                ("Format", f"{answer.kind}, format {answer.format}"),
                *hashes,
            ]
        ),
        element("p", "Equal needs, seeds and versions give an equal report, to the byte.", class_="soft"),
    )
