"""`keytwin ovm`: what may vary, what goes with what, and why."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json, suggest
from keytwin.vocabulary.errors import Mistake

if TYPE_CHECKING:
    from keytwin.design.explanation import Explanation, Wish
    from keytwin.design.selection import Selection
    from keytwin.files.variability import Variability

ovm = App(name="ovm", help="What may vary in an architecture, what goes with what, and why.")

SEEDS: Final = 2**32  # fresh seeds are below it, so that one can be read out and typed
Choose = Annotated[
    tuple[str, ...],
    Parameter(help="A variant that is chosen, or with '!' before it one that is not; may be repeated."),
]


@ovm.command(name="show")
def show_tree(file: str, /, *, choose: Choose = (), about: bool = False, json: bool = False) -> None:
    """Show an OVM as a tree, and what a choice makes certain or impossible in it.

    Parameters
    ----------
    file
        An OVM's name in the library, or the path of an OVM, UVL or OVM XML file.
    about
        Tell what each variation point and variant is.
    json
        Print the state of each feature as JSON, and nothing else.
    """
    from keytwin.cli.ovm_tree import tree
    from keytwin.design.counting import Diagram

    found = _read(file)
    selection = _clicked(found, choose)
    if json:
        show_json({"name": found.model.name, "kind": found.kind, "states": selection.states()})
        return
    show(*tree(found, selection, about=about))
    left = Diagram(found.model).count(*_split(selection.clicks))
    show(f"\n{left:,} {'configuration' if left == 1 else 'configurations'}{' left' if choose else ''}")
    again = "".join(f" --choose {quote(each)}" for each in choose)
    first = next((each for each in selection.states() if selection.state(each) == "free"), None)
    if first is not None:
        suggest((f"keytwin ovm show {quote(file)}{again} --choose {quote(first)}", "choose one more"))


@ovm.command(name="why")
def tell_why(file: str, variant: str, /, *, choose: Choose = (), json: bool = False) -> None:
    """Say why a variant is forced, or cannot be chosen, under a choice.

    Parameters
    ----------
    file
        An OVM's name in the library, or the path of an OVM, UVL or OVM XML file.
    variant
        The variant or variation point, such as protocol.mdi.
    json
        Print state, choices and reasons as JSON, and nothing else.
    """
    from keytwin.design.explanation import Reasons, why

    found = _read(file)
    selection = _clicked(found, choose)
    name = _known(found, variant)
    state = selection.state(name)
    said = why(selection, name)
    if said is None and selection.is_void:
        said = Reasons(found.model, selection.oracle.clauses).contradiction(())
    if json:
        show_json({"variant": name, "state": state, **_plain(said)})
        return
    show(f"{_label(found, name)} is {state}")
    if said is None:
        show("both with it and without it there are configurations" if state == "free" else "that was chosen so")
        return
    show(*_because(found, said))


@ovm.command
def count(file: str, /, *, choose: Choose = (), shares: bool = False, json: bool = False) -> None:
    """Count configurations, exactly; with a choice, those that are left.

    Parameters
    ----------
    file
        An OVM's name in the library, or the path of an OVM, UVL or OVM XML file.
    shares
        Tell for each variant in how many of them it is.
    json
        Print the numbers as JSON, and nothing else; the count is a text, since it may be too large for a number.
    """
    from keytwin.design.counting import Diagram

    found = _read(file)
    wanted, unwanted = _split(_wishes(found, choose))
    diagram = Diagram(found.model)
    number = diagram.count(wanted, unwanted)
    parts = diagram.shares(wanted, unwanted) if shares else {}
    if json:
        show_json({"count": str(number), "shares": parts, "left_out": found.model.left_out})
        return
    show(f"{number:,}")
    for name, share in parts.items():
        if not found.model.features[name].is_abstract:
            show(f"{share:>7.1%}  {name}")
    _tell_left_out(found)


@ovm.command
def solve(
    file: str,
    wishes: Annotated[tuple[str, ...], Parameter(help="Variants, '!' before one unwanted.")],
    /,
    *,
    json: bool = False,
) -> int:
    """Complete wishes to a configuration; or tell what stands against them, and all that could be given up.

    Parameters
    ----------
    file
        An OVM's name in the library, or the path of an OVM, UVL or OVM XML file.
    wishes
        Variants that are wanted, and with '!' before them others that are not.
    json
        Print the configuration, or conflicts and repairs, as JSON, and nothing else.
    """
    from keytwin.design.selection import Selection, completed

    found = _read(file)
    listed = _wishes(found, wishes)
    selection = Selection(found.model)
    if not all(selection.click(name, wanted=wanted) is not None for name, wanted in listed):
        return _refused(found, listed, selection, json=json)
    chosen = _variants(found, completed(selection))
    if json:
        show_json({"chosen": chosen, "conflicts": [], "repairs": []})
        return Exit.OK
    given = {name for name, wanted in listed if wanted}
    show(*(f"{name}{'' if name in given else '  (added)'}" for name in chosen))
    suggest((f"keytwin ovm show {quote(file)}{_chosen(chosen)}", "what is still open"))
    return Exit.OK


def _refused(found: Variability, wishes: Sequence[Wish], selection: Selection, *, json: bool) -> int:
    """Tell what stands against wishes, and all that could be given up."""
    from keytwin.design.conflict import conflicts_and_repairs
    from keytwin.design.explanation import Reasons
    from keytwin.design.selection import literals_of

    judged = conflicts_and_repairs(selection.oracle, list(literals_of(selection, wishes)))
    reasons = Reasons(found.model, selection.oracle.clauses)
    explained = [reasons.contradiction([wishes[each] for each in conflict]) for conflict in judged.conflicts]
    repairs = [[_written(wishes[each]) for each in repair] for repair in judged.repairs]
    if json:
        told = [_plain(each) for each in explained]
        show_json({"chosen": None, "conflicts": told, "repairs": repairs, "is_complete": judged.is_complete})
        return Exit.FAILED
    show("these wishes cannot all be met")
    for each in explained:
        assert each is not None, "a conflict is contradictory"
        show("", *_because(found, each))
    show("", "to mend it, give up" if repairs else "nothing helps: there is no configuration at all")
    show(*(f"  {' and '.join(repair)}" for repair in repairs))
    if not judged.is_complete:
        complain("there are more conflicts and repairs than are shown")
    return Exit.FAILED


@ovm.command
def sample(file: str, /, *, number: int = 10, seed: int | None = None, choose: Choose = (), json: bool = False) -> None:
    """Draw configurations, each with the same probability.

    Parameters
    ----------
    file
        An OVM's name in the library, or the path of an OVM, UVL or OVM XML file.
    number
        How many.
    seed
        Equal seeds draw equal configurations; without it one is drawn and told.
    json
        Print the configurations as JSON, and nothing else.
    """
    import numpy as np

    from keytwin.design.counting import Diagram

    if not 1 <= number <= 1_000_000:
        raise Mistake(f"--number {number}: write a number from 1 to 1000000")
    found = _read(file)
    used = secrets.randbelow(SEEDS) if seed is None else seed
    if used < 0:
        raise Mistake(f"--seed {used}: write a number from 0 on")
    drawn = Diagram(found.model).sample(number, np.random.default_rng(used), *_split(_wishes(found, choose)))
    listed = [_variants(found, each) for each in drawn]
    if json:
        show_json({"seed": used, "configurations": listed})
        return
    show(*(" ".join(each) for each in listed))
    again = "".join(f" --choose {quote(each)}" for each in choose)
    suggest((f"keytwin ovm sample {quote(file)}{again} --number {number} --seed {used}", "the same again"))


@ovm.command
def compare(first: str, second: str, /, *, json: bool = False) -> None:
    """Compare two backbones by stated principles: how deep, how large, how entangled they are.

    Parameters
    ----------
    first
        An OVM's name in the library, or the path of its file.
    second
        Another one.
    json
        Print the measures as JSON, and nothing else.
    """
    from keytwin.assessment.architecture import bound_views
    from keytwin.cli.ovm_tree import measures_table
    from keytwin.design.backbones import compare as compared
    from keytwin.design.counting import Diagram

    read = [_read(each) for each in (first, second)]
    ovms = [each.ovm for each in read]
    one, other = ovms
    if one is None or other is None:
        lacking = first if one is None else second
        raise Mistake(f"{lacking} has no variation points and views to compare: both files have to be OVMs of keytwin")
    rows = compared(one, other, (bound_views(one), bound_views(other)))
    counts = [Diagram(each.model).count() for each in read]
    if json:
        told = [
            {"principle": a.principle.name, "meaning": a.principle.meaning, "values": [a.value, b.value]}
            for a, b in rows
        ]
        show_json({"names": [one.name, other.name], "configurations": [str(each) for each in counts], "measures": told})
        return
    show(measures_table(one.name, other.name, rows, counts))


@ovm.command
def export(file: str, /, *, output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None) -> None:
    """Write a model as UVL, for other makers' tools.

    Parameters
    ----------
    file
        An OVM's name in the library, or the path of an OVM, UVL or OVM XML file.
    output
        The file to write; without it the text is printed, and nothing else.
    """
    from keytwin.files.uvl_writer import write_uvl

    text = write_uvl(_read(file).model)
    if output is None:
        print(text, end="")
        return
    output.write_text(text, encoding="utf-8")
    show(f"wrote {output}")
    suggest((f"keytwin ovm facts {quote(str(output))}", "the same number of configurations"))


@ovm.command
def facts(file: str, /, *, json: bool = False) -> None:
    """Tell size, core, dead variants and the exact number of configurations of a model, and how long each took.

    Parameters
    ----------
    file
        An OVM's name in the library, or the path of an OVM, UVL or OVM XML file.
    json
        Print the facts as JSON, and nothing else; times are whole nanoseconds.
    """
    from keytwin.report.variability import variability_facts

    found = variability_facts(file)
    if json:
        show_json(found)
        return
    from keytwin.cli.ovm_tree import facts_table

    show(facts_table(found))
    for each in found.left_out:
        complain(f"left out: {each}")


@ovm.command
def group(file: str, /, *, threshold: float = 0.5, json: bool = False) -> None:
    """Propose variation points for the candidates of a knowledge base, by what they have in common.

    Parameters
    ----------
    file
        A knowledge base's name in the library, or the path of its file.
    threshold
        Candidates are joined while they have, on average, this share of their aspects in common.
    json
        Print proposals and commonalities as JSON, and nothing else.
    """
    from keytwin.cli.ovm_tree import proposal_lines
    from keytwin.design.commonality import commonalities, proposals
    from keytwin.files.knowledge import read_knowledge

    if not 0 < threshold <= 1:
        raise Mistake(f"--threshold {threshold}: write a share above 0, up to 1")
    knowledge = read_knowledge(file)
    proposed = proposals(knowledge, threshold)
    if json:
        show_json({"proposals": proposed, "commonalities": commonalities(knowledge)})
        return
    show(f"{counted(len(proposed), 'variation point')} proposed for {counted(len(knowledge.candidates), 'candidate')}")
    for number, each in enumerate(proposed, start=1):
        show("", *proposal_lines(number, each, knowledge))


# --- what a user names ----------------------------------------------------------------------------------------------


def _read(file: str) -> Variability:
    from keytwin.files.variability import read_variability

    found = read_variability(file)
    for each in found.warnings:
        complain(f"warning: {each}")
    return found


def _known(found: Variability, name: str) -> str:
    from keytwin.files.page import nearest

    if name in found.model.features:
        return name
    near = nearest(name, [*found.model.features][:2_000])
    hint = f"did you mean {near!r}?" if near else f"keytwin ovm show {found.model.name} lists what there is"
    raise Mistake(f"{found.model.name} has no variant {name[:80]!r} ({hint})")


def _wishes(found: Variability, words: Sequence[str]) -> list[Wish]:
    listed = [(_known(found, each.removeprefix("!").strip()), not each.startswith("!")) for each in words]
    names = [name for name, _ in listed]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Mistake(f"{twice} is named more than once: once is enough")
    return listed


def _clicked(found: Variability, words: Sequence[str]) -> Selection:
    from keytwin.design.explanation import Reasons
    from keytwin.design.selection import Selection

    selection = Selection(found.model)
    for wish in _wishes(found, words):
        if selection.click(wish[0], wanted=wish[1]) is None:
            said = Reasons(found.model, selection.oracle.clauses).contradiction([*selection.clicks, wish])
            lines = "" if said is None else "".join(f"\n  {each}" for each in _because(found, said))
            raise Mistake(f"{_written(wish)} is not possible{' with the rest' if selection.clicks else ''}{lines}")
    return selection


def _split(wishes: Sequence[Wish]) -> tuple[list[str], list[str]]:
    return [name for name, wanted in wishes if wanted], [name for name, wanted in wishes if not wanted]


def _variants(found: Variability, features: frozenset[str]) -> list[str]:
    return [name for name, each in found.model.features.items() if name in features and not each.is_abstract]


# --- for people -----------------------------------------------------------------------------------------------------


def _written(wish: Wish) -> str:
    return wish[0] if wish[1] else f"!{wish[0]}"


def _chosen(names: Sequence[str]) -> str:
    return "".join(f" --choose {quote(each)}" for each in names)


def _label(found: Variability, name: str) -> str:
    label = found.model.label(name)
    return name if label == name else f"{name} ({label})"


def _because(found: Variability, said: Explanation) -> list[str]:
    chosen = [f"you {'chose' if wanted else 'refused'} {_label(found, name)}" for name, wanted in said.wishes]
    return [f"- {each}" for each in (*chosen, *said.reasons)]


def _plain(said: Explanation | None) -> dict[str, object]:
    if said is None:
        return {"choices": [], "reasons": []}
    return {"choices": [_written(each) for each in said.wishes], "reasons": list(said.reasons)}


def _tell_left_out(found: Variability) -> None:
    if found.model.left_out:
        complain("what is left out may forbid some of them: the number is an upper bound")
