"""OVMs, measures and proposals as people read them in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.output import encoding, width
from keytwin.design.backbones import Measure
from keytwin.design.commonality import Proposal
from keytwin.design.features import Group, range_in_words
from keytwin.design.knowledge import Knowledge
from keytwin.design.selection import Selection, State
from keytwin.design.variability import Ovm, VariationPoint
from keytwin.files.variability import Variability
from keytwin.report.variability import VariabilityFacts
from keytwin.vocabulary.units import Duration, in_seconds

MARKS: Final = {
    State.CHOSEN: "[x]",
    State.REFUSED: "[-]",
    State.FORCED: "[+]",
    State.DEAD: " - ",
    State.FREE: "[ ]",
}
LEGEND: Final = "[x] chosen  [+] forced  [-] refused   -  impossible  [ ] free"
MOST_LINES: Final = 500
"""Of a foreign model's tree."""


def tree(found: Variability, selection: Selection, *, about: bool) -> Iterator[str]:
    """Give the lines of a model's tree."""
    model = found.model
    yield f"{model.name}: {found.ovm.about if found.ovm else f'{len(model.features)} features'}"
    yield ""
    if found.ovm is None:
        yield from _feature_lines(found, selection)
    else:
        for point in found.ovm.opened_by(None):
            yield from _point_lines(found.ovm, point, selection, 0, about=about)
    yield ""
    yield LEGEND


def _point_lines(ovm: Ovm, point: VariationPoint, selection: Selection, depth: int, *, about: bool) -> Iterator[str]:
    there = len(ovm.variants_of(point.id))
    chosen = range_in_words(point.least, point.most, there)
    optional = "" if point.is_mandatory else ", if at all"
    margin = "    " * depth
    yield f"{margin}{_triangle()} {point.id}: {point.name} ({chosen}{optional}; {point.view.value})"
    if about:
        yield from _told(point.about, margin + "    ")
    for variant in ovm.variants_of(point.id):
        name = variant.id.partition(".")[2]
        label = "" if variant.name.lower() == name else f"  {variant.name}"
        yield f"{margin}    {MARKS[selection.state(variant.id)]} {name}{label}"
        if about:
            yield from _told(variant.about, margin + "          ")
            figures = ", ".join(f"{each.name} {each.value}" for each in variant.attributes)
            yield from _told(figures, margin + "          ")
        for inner in ovm.opened_by(variant.id):
            yield from _point_lines(ovm, inner, selection, depth + 2, about=about)


def _triangle() -> str:
    """Return Pohl's sign of a variation point, where the terminal has it."""
    return "\N{BLACK UP-POINTING TRIANGLE}" if "utf" in encoding().lower() else "^"


def _told(text: str, margin: str) -> Iterator[str]:
    yield from wrap(text, max(40, width()), initial_indent=margin, subsequent_indent=margin.replace("-", " "))


def _feature_lines(found: Variability, selection: Selection) -> Iterator[str]:
    model = found.model
    below: dict[str, list[Group]] = {}
    for group in model.groups:
        below.setdefault(group.parent, []).append(group)
    states = selection.states()
    waiting, told = [(model.root, 0, "")], 0
    while waiting:
        name, depth, how = waiting.pop()
        told += 1
        if told > MOST_LINES:
            yield f"... and {len(model.features) - MOST_LINES} more features"
            return
        yield f"{'    ' * depth}{MARKS[states[name]]} {model.label(name)}{how}"
        for group in reversed(below.get(name, ())):
            waiting.extend((each, depth + 1, _how(group)) for each in reversed(group.members))


def _how(group: Group) -> str:
    if len(group.members) == 1:
        return "  (mandatory)" if group.least else ""
    return f"  ({range_in_words(group.least, group.most, len(group.members))} of {len(group.members)})"


def measures_table(first: str, second: str, rows: Sequence[tuple[Measure, Measure]], counts: Sequence[int]) -> Table:
    """Return two OVMs side by side."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("principle")
    for title in (first, second):
        table.add_column(title, justify="right")
    table.add_column("what it means", overflow="fold")
    for one, other in rows:
        table.add_row(one.principle.name, _value(one), _value(other), one.principle.meaning)
    table.add_row(
        "configurations", *(f"{each:,}" for each in counts), "architectures that can be chosen, exactly counted"
    )
    return table


def _value(measure: Measure) -> str:
    if measure.value is None:
        return "not known"
    return f"{measure.value:.0%}" if measure.principle.unit == "share" else f"{measure.value:g}"


def facts_table(found: VariabilityFacts) -> Table:
    """Return what is known of a model."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    table.add_row("model", f"{found.name} ({found.kind})", "")
    if found.points:
        table.add_row("variation points", f"{found.points:,}", "")
        table.add_row("variants", f"{found.variants:,}", "")
    table.add_row("features", f"{found.features:,}, in {found.groups:,} groups", _time(found.reading_time))
    table.add_row("constraints", f"{found.constraints:,}", "")
    table.add_row("core", _names(found.core), _time(found.core_time))
    table.add_row("dead", _names(found.dead), "")
    counted = found.not_counted or f"{'at most ' if found.left_out else ''}{int(found.count):,}"
    table.add_row("configurations", counted, _time(found.counting_time))
    return table


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{len(names):,}: {shown}{more}" if names else "none"


SHOWN: Final = 12
"""Names in a list."""


def _time(span: Duration) -> str:
    return f"{in_seconds(span) * 1e3:.1f} ms"


def proposal_lines(number: int, proposal: Proposal, knowledge: Knowledge) -> Iterator[str]:
    """Give a proposed variation point, with what speaks for it."""
    names = [knowledge.candidates[each].name for each in proposal.candidates]
    yield f"{number}. {', '.join(names)}: {proposal.view.value} view"
    if len(names) > 1:
        yield f"   likeness {proposal.likeness:.0%}: on average this share of their aspects is fixed by both of a pair"
    for title, aspects in (
        ("they differ in" if len(names) > 1 else "fixes", proposal.varying),
        ("all say the same of", proposal.common),
        ("only some fix", proposal.only_some),
    ):
        if aspects:
            yield f"   {title}: {', '.join(aspects)}"
    rests = dict.fromkeys(each for name in proposal.candidates for each in knowledge.candidates[name].rests_on)
    for each in rests:
        insight = knowledge.insights[each]
        yield from _told(f"{insight.says} [{insight.source}]", "   - ")
