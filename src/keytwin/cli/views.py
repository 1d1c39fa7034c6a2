"""`keytwin views`: what a selection of variants becomes, view by view, and what was changed to make the views agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.drawings import Form, draw_architecture, draw_library
from keytwin.cli.output import counted, show, show_json, suggest
from keytwin.vocabulary.errors import Mistake

if TYPE_CHECKING:
    from keytwin.design.composition import Architecture, Composition
    from keytwin.design.model import Model
    from keytwin.design.replacement import Moved
    from keytwin.design.synchronisation import Change, Inconsistency
    from keytwin.design.variability import Ovm
    from keytwin.design.views import View

SIGNS: Final = (("+", "added"), ("~", "changed"), ("-", "removed"))


def views(
    *,
    select: str | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    ovm: str | None = None,
    replace: str | None = None,
    form: Annotated[Form, Parameter(name="--format")] = Form.SVG,
    json: bool = False,
) -> None:
    """Show the views of an architecture: what did not fit together, what was changed, and what came of it.

    Parameters
    ----------
    select
        A selection of variants: the name of an example, such as long-range, or the path of a file. Without it the views
        of all variants are listed.
    output
        Folder into which all is drawn: the views, before/ as the variants bring them and after/ as they fit together,
        both also on a sheet, the variability model, and the schematic picture above it.
    ovm
        The variability model, when it is not that of the selection: a name of the library.
    replace
        Another variant for one of the selection, such as protocol=mdi: shows what moves, view by view.
    form
        Of the drawings: PNG and PDF need the extra, pip install 'keytwin[draw]'.
    json
        Print everything as JSON, elements of the model included, and nothing else.
    """
    if select is None:
        if replace:
            raise Mistake("--replace changes a selection: name one with --select, such as --select long-range")
        _list_library(ovm, output, form, json=json)
        return
    if replace:
        _show_replacement((select, ovm, replace), output, form, json=json)
        return
    from keytwin.assessment.architecture import architecture, wanted

    found, (known, _) = architecture(select, ovm), wanted(select, ovm)
    # Drawn before anything is printed: with --json nothing but JSON may follow.
    drawn = draw_architecture(found, known, output, form) if output else 0
    if json:
        show_json(_as_json(found))
        return
    _show(found)
    _tell_drawn(drawn, output)
    if not output:
        suggest(
            (f"keytwin views --select {quote(select)} -o views", "draw them"),
            (f"keytwin views --select {quote(select)} --replace protocol=e91", "see what another variant moves"),
        )


# --- an architecture ------------------------------------------------------------------------------------------------


def _show(found: Architecture) -> None:
    show(f"selected from {found.configuration.ovm}: {', '.join(found.configuration.chosen)}", "")
    show(f"side by side: {counted(len(found.before.views), 'view')}, {_in_words(found.before.findings)}")
    show(_findings(found.before.findings) if found.before.findings else "")
    # Between before and after, as they happened: Figs. 7a and 7b of paper A side by side.
    show("changed:", _changes(found.changes))
    show(f"together: {counted(len(found.after.views), 'view')}, {_in_words(found.after.findings)}")
    if found.after.findings:
        show(_findings(found.after.findings))
    show(_views(found.after.views))


def _in_words(findings: Sequence[Inconsistency]) -> str:
    return f"{counted(len(findings), 'finding')}" if findings else "nothing amiss"


def _table(*titles: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _findings(findings: Sequence[Inconsistency]) -> Table:
    table = _table("rule", "what does not fit", "why it matters")
    for each in findings:
        instead = "".join(f"\ninstead: {one}" for one in each.alternatives)
        table.add_row(each.rule, f"{each.what}{instead}", each.reason)
    return table


def _changes(changes: Sequence[Change]) -> Table:
    table = _table("rule", "what was done", *(f"{what}" for _, what in SIGNS))
    for each in changes:
        numbers = (str(len(names)) if names else "" for names in (each.added, each.changed, each.removed))
        table.add_row(each.rule, each.what, *numbers)
    return table


def _views(views: Sequence[View]) -> Table:
    table = _table("view", "kind", "title")
    for each in views:
        table.add_row(each.variant or each.id, each.kind, each.title)
    return table


# --- the library ----------------------------------------------------------------------------------------------------


def _list_library(ovm: str | None, output: Path | None, form: Form, *, json: bool) -> None:
    from keytwin.assessment.architecture import USUAL_OVM, views_of
    from keytwin.design.family import family_of
    from keytwin.files.ovm import read_ovm

    known: Ovm = read_ovm(ovm or USUAL_OVM)
    family = family_of(known, views_of(known.name))
    drawn = draw_library(family, known, output, form) if output else 0
    if json:
        show_json([{"variant": each.variant, "kind": each.kind, "title": each.title} for each in family.views])
        return
    show(f"{known.name}: {counted(len(family.views), 'view')}, one for each variant", _views(family.views))
    _tell_drawn(drawn, output)
    suggest(("keytwin views --select long-range", "compose those of a selection"))


# --- a replacement --------------------------------------------------------------------------------------------------


def _show_replacement(asked: tuple[str, str | None, str], output: Path | None, form: Form, *, json: bool) -> None:
    from keytwin.assessment.architecture import architecture, wanted
    from keytwin.design.replacement import moved

    select, ovm, replace = asked
    old, new = architecture(select, ovm), architecture(select, ovm, replace=replace)
    known, _ = wanted(select, ovm)
    differences = moved(known, old, new)
    drawn = draw_architecture(new, known, output, form) if output else 0
    if json:
        show_json([msgspec.to_builtins(each) for each in differences])
        return
    gone = sorted({*old.configuration.chosen} - {*new.configuration.chosen})
    come = sorted({*new.configuration.chosen} - {*old.configuration.chosen})
    show(f"- {', '.join(gone) or 'nothing'}", f"+ {', '.join(come) or 'nothing'}", "")
    for each in differences:
        if not each.is_still:
            show(*_moves(each))
    still = [each.view for each in differences if each.is_still]
    show(f"unmoved: {', '.join(still) or 'no view'}")
    if new.after.findings:
        show(_findings(new.after.findings))
    _tell_drawn(drawn, output)


def _moves(moved: Moved) -> Iterator[str]:
    """Give what moved in one view: all of it, since that is what was asked for."""
    was = f"{moved.before} -> {moved.after}" if moved.before != moved.after else moved.after
    yield f"{moved.view}: {was}"
    for (sign, _), names in zip(SIGNS, (moved.added, moved.changed, moved.removed), strict=True):
        if names:
            yield f"  {sign} {', '.join(names)}"
    yield ""


# --- drawings -------------------------------------------------------------------------------------------------------


def _tell_drawn(drawn: int, output: Path | None) -> None:
    if output:
        show(f"{counted(drawn, 'drawing')} in {output}")


# --- as JSON --------------------------------------------------------------------------------------------------------


def _as_json(found: Architecture) -> dict[str, object]:
    return {
        "ovm": found.configuration.ovm,
        "chosen": list(found.configuration.chosen),
        "before": _composition(found.before),
        "changes": [msgspec.to_builtins(each) for each in found.changes],
        "after": _composition(found.after),
        "interface": found.interface,
    }


def _composition(composition: Composition) -> dict[str, object]:
    return {
        "findings": [msgspec.to_builtins(each) for each in composition.findings],
        "views": [msgspec.to_builtins(each) for each in composition.views],
        "elements": list(_elements(composition.model)),
    }


def _elements(model: Model) -> Iterator[dict[str, object]]:
    for each in model:
        plain = msgspec.to_builtins(each)
        assert isinstance(plain, dict)
        yield {"is": type(each).__name__, **plain}
