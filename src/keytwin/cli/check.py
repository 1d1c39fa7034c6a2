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
    """Find all mistakes of a file at once: network, scenario, device, OVM, knowledge base or foreign feature model.

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
    match kind:
        case "device" | "knowledge base":
            suggest((f"keytwin schema {kind.partition(' ')[0]}", f"what a {kind} file may say"))
        case "network" | "scenario":
            suggest((f"keytwin run {quote(file)}", "run it in virtual time"))
        case _:
            suggest((f"keytwin ovm show {quote(file)}", "see it as a tree"))
    return Exit.OK


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
