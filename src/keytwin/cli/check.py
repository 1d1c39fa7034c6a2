"""`keytwin check`: every mistake of a file at once."""

from __future__ import annotations

from shlex import quote

import msgspec

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json, suggest
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import FileMistake, Finding, Mistake
from keytwin.vocabulary.timeline import Scenario


def check(file: str, /, *, json: bool = False) -> int:
    """Find all mistakes of a network, scenario or device file at once.

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
    show(f"{file}: a {kind} without mistakes: {holds}")
    if kind == "device":
        suggest(("keytwin schema device", "what a device file may say"))
    else:
        suggest((f"keytwin run {quote(file)}", "run it in virtual time"))
    return Exit.OK


def _mistaken(file: str, findings: tuple[Finding, ...], *, json: bool) -> int:
    if json:
        show_json({"file": file, "kind": None, "mistakes": _plain(findings), "warnings": []})
        return Exit.MISTAKE
    for finding in findings:
        complain(str(finding))
    complain(f"{counted(len(findings), 'mistake')}")
    return Exit.MISTAKE


def _told(value: Blueprint | Scenario | Device) -> tuple[str, str]:
    """Return what kind of thing a file describes, and what it holds."""
    match value:
        case Device():
            return "device", f"protocol {value.protocol}, {counted(len(value.sources), 'sourced parameter')}"
        case Scenario():
            _, holds = _told(value.blueprint)
            return "scenario", f"{counted(len(value.steps), 'step')} on network {value.blueprint.name} ({holds})"
        case Blueprint():
            parts = {"node": value.topology.nodes, "link": value.topology.links, "app": value.apps}
            return "network", ", ".join(counted(len(each), thing) for thing, each in parts.items())


def _plain(findings: tuple[Finding, ...]) -> list[object]:
    return [msgspec.to_builtins(finding) for finding in findings]
