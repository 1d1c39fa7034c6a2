"""`keytwin check`: every mistake of a file at once."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json, suggest
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import FileMistake, Finding, Mistake
from keytwin.vocabulary.timeline import Scenario

if TYPE_CHECKING:
    from keytwin.files.variability import Variability


def check(file: str, /, *, json: bool = False) -> int:
    """Find all mistakes of a file at once, of whatever kind it is: its keys say that.

    Parameters
    ----------
    file
        The path of a file, or the name of an example.
    json
        Print the findings as JSON, and nothing else.
    """
    from keytwin.scenario.load import inspect

    # Mistakes are this command's result, not its failure: with --json they belong to stdout.
    try:
        checked = inspect(file)
    except FileMistake as mistake:
        return _mistaken(file, mistake.findings, json=json)
    except Mistake as mistake:  # there is no such file
        if not json:
            raise
        return _mistaken(file, (Finding(str(mistake)),), json=True)
    if json:
        kind, _ = _told(checked.value)
        show_json({"file": file, "kind": kind, "mistakes": [], "warnings": _plain(checked.warnings)})
        return Exit.OK
    for finding in checked.warnings:
        complain(f"warning: {finding}")
    kind, holds = _told(checked.value)
    article = "an" if kind.startswith("O") else "a"
    show(f"{file}: {article} {kind} without mistakes: {holds}")
    suggest(_next_of(kind, file))
    return Exit.OK


def _next_of(kind: str, file: str) -> tuple[str, str]:
    match kind:
        case "device" | "knowledge base" | "view":
            return f"keytwin schema {kind.partition(' ')[0]}", f"what a {kind} file may say"
        case "cost book":
            return "keytwin schema costs", f"what a {kind} file may say"
        case "network" | "scenario":
            return f"keytwin run {quote(file)}", "run it in virtual time"
        case "need":
            return f"keytwin design {quote(file)}", "make a network of it, and see what it is worth"
        case "selection":
            return f"keytwin views --select {quote(file)}", "see the architecture that it becomes"
        case _:
            return f"keytwin ovm show {quote(file)}", "see it as a tree"


def _mistaken(file: str, findings: tuple[Finding, ...], *, json: bool) -> int:
    if json:
        show_json({"file": file, "kind": None, "mistakes": _plain(findings), "warnings": []})
        return Exit.MISTAKE
    for finding in findings:
        complain(str(finding))
    complain(f"{counted(len(findings), 'mistake')}")
    return Exit.MISTAKE


def _told(value: object) -> tuple[str, str]:
    """Return what kind of thing a file describes, and what it holds."""
    from keytwin.design.knowledge import Knowledge
    from keytwin.files.variability import Variability

    match value:
        case Variability():
            return value.kind, _held(value)
        case Knowledge(aspects=aspects, insights=insights, candidates=candidates):
            known = {"aspect": aspects, "finding": insights, "candidate": candidates}
            return "knowledge base", ", ".join(counted(len(each), thing) for thing, each in known.items())
        case Device():
            return "device", f"protocol {value.protocol}, {counted(len(value.sources), 'sourced parameter')}"
        case Scenario():
            _, holds = _told(value.blueprint)
            return "scenario", f"{counted(len(value.steps), 'step')} on network {value.blueprint.name} ({holds})"
        case Blueprint():
            parts = {"node": value.topology.nodes, "link": value.topology.links, "app": value.apps}
            return "network", ", ".join(counted(len(each), thing) for thing, each in parts.items())
        case _:
            return _told_of_design(value)


def _told_of_design(value: object) -> tuple[str, str]:
    from keytwin.design.cost import CostBook
    from keytwin.design.need import Case
    from keytwin.files.selection_file import SelectionFile
    from keytwin.files.view_said import ViewFile

    match value:
        case Case():
            sizes = {"site": len(value.sites), "line": len(value.lines), "satellite": len(value.satellites)}
            sizes["need"] = len(value.needs)
            return "need", ", ".join(counted(size, thing) for thing, size in sizes.items())
        case SelectionFile():
            chosen = sum(len(variants) for variants in value.choose.values())
            return "selection", f"{counted(chosen, 'variant')} of OVM {value.ovm}"
        case CostBook():
            return "cost book", f"{counted(len(value.prices), 'price')} over {counted(value.years, 'year')}"
        case ViewFile():
            return "view", f"a view of kind '{value.kind}', of variant {value.variant}"
        case _:
            raise AssertionError(value)


def _held(value: Variability) -> str:
    model, ovm = value.model, value.ovm
    if ovm is None:
        parts = {"feature": len(model.features), "group": len(model.groups), "constraint": len(model.constraints)}
        return ", ".join(counted(number, thing) for thing, number in parts.items())
    bonds = "1 dependency" if len(ovm.dependencies) == 1 else f"{len(ovm.dependencies)} dependencies"
    return f"{counted(len(ovm.points), 'variation point')}, {counted(len(ovm.variants), 'variant')}, {bonds}"


def _plain(findings: tuple[Finding, ...]) -> list[object]:
    return [msgspec.to_builtins(finding) for finding in findings]
