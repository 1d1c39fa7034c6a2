"""`keytwin trace`: why something is there, and what it leads to: from need to measurement and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from keytwin.cli.output import show, show_json
from keytwin.vocabulary.errors import Mistake

if TYPE_CHECKING:
    from keytwin.assessment.answer import Answer, VerdictLine
    from keytwin.assessment.tracing import Kind, Traced

MOST_NAMES: Final = 12  # of one kind, on the screen
HERE: Final = Path()


def trace(
    name: str,
    /,
    *,
    folder: Annotated[Path, Parameter(name="--in")] = HERE,
    everything: bool = False,
    json: bool = False,
) -> None:
    """Tell why something of a design is there, and what it leads to.

    Parameters
    ----------
    name
        A need (N2), a rule, a variant, an element of a view, a node, link or app of the network, an element that runs
        (km/alice), or a run.
    folder
        The folder that keytwin design wrote; the current one if left out.
    everything
        Show all names of each kind, not only the first twelve.
    json
        Print it as JSON, and nothing else.
    """
    from keytwin.assessment.answer import VERDICT_FILE, read_answer
    from keytwin.assessment.tracing import names, traced

    answer = read_answer(folder / VERDICT_FILE)
    found = traced(answer.trace, name)
    if not found:
        near = get_close_matches(name, names(answer.trace), 3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "try a need, such as its first one"
        raise Mistake(f"nothing in this design is called {name!r} ({hint})")
    if json:
        show_json([_plain(each) for each in found])
        return
    for each in found:
        show(*_for_people(answer, each, None if everything else MOST_NAMES))


def _for_people(answer: Answer, found: Traced, most: int | None) -> Iterator[str]:
    yield f"{found.kind} {found.name}"
    yield from (f"  {line}" for line in _said(answer, found))
    for title, side in (("because of", found.up), ("leads to", found.down)):
        if side:
            yield f"{title}:"
            yield from _side(side, found.why, most)


def _said(answer: Answer, found: Traced) -> Iterator[str]:
    """Give what is known of the thing itself."""
    for line in answer.verdicts:
        if line.need.id == found.name:
            yield from _of_need(line)
    if found.kind == "variant" and not found.up:
        yield "no rule asks for it: it was left open, and taken among the proposals"
    for run in answer.runs:
        if run.id == found.name:
            failed = f", {', '.join(run.failed)} failing" if run.failed else ""
            yield f"{run.seconds:,.0f} s of virtual time, {run.events:,} events, seed {run.seed}{failed}"
    rules = {each.id: each.rules for each in answer.places} | {each.id: each.rules for each in answer.channels}
    if rules.get(found.name):
        yield f"laid out by {', '.join(rules[found.name])}"


def _of_need(line: VerdictLine) -> Iterator[str]:
    yield f'"{line.need.text}"'
    asked = (f"{line.need.priority}:", line.need.measure or "no measure", line.need.threshold, line.need.under)
    yield " ".join(filter(None, asked))
    value = f": {line.shown} by {line.method}" if line.shown else ""
    yield f"{line.outcome}{value}{f' ({line.reason})' if line.reason else ''}"
    if line.evidence is not None:
        seen = line.evidence
        again = f"keytwin run runs/{seen.run}.yaml --seed {seen.seed}"
        yield f"seen in events {seen.first} to {seen.last} of {again}"


def _side(side: Mapping[Kind, tuple[str, ...]], why: Mapping[tuple[str, str], str], most: int | None) -> Iterator[str]:
    for kind, every in side.items():
        shown = every[:most]
        more = f", and {len(every) - len(shown)} more" if len(shown) < len(every) else ""
        reasons = {name: _reason(name, why) for name in shown}
        if any(reasons.values()):
            yield f"  {kind}:"
            for name in shown:
                yield f"    {name}{f': {reasons[name]}' if reasons[name] else ''}"
            if more:
                yield f"    {more.removeprefix(', ')}"
        else:
            yield f"  {kind}: {', '.join(shown)}{more}"


def _reason(name: str, why: Mapping[tuple[str, str], str]) -> str:
    """Return why a name is on the way: the reason of a tie that ends in it."""
    return next((reason for (_, target), reason in why.items() if target == name), "")


def _plain(found: Traced) -> dict[str, object]:
    return {
        "kind": found.kind,
        "name": found.name,
        "because_of": dict(found.up),
        "leads_to": dict(found.down),
        "why": [{"of": source, "for": target, "reason": reason} for (source, target), reason in found.why.items()],
    }
