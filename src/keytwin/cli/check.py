"""`keytwin check`: every mistake of a file at once."""

from __future__ import annotations

import msgspec

from keytwin.cli.output import complain, show, show_json, suggest
from keytwin.vocabulary.errors import FileMistake, Finding


def check(file: str, /, *, json: bool = False) -> int:
    """Find all mistakes of a network, scenario or device file at once.

    Parameters
    ----------
    file
        The path of a file, or the name of an example.
    json
        Print the findings as JSON, and nothing else.
    """
    from keytwin.scenario.load import inspect, known_with

    try:
        loaded = inspect(file, known_with())
    except FileMistake as mistake:
        if json:
            show_json({"file": file, "kind": None, "mistakes": _plain(mistake.findings), "warnings": []})
        else:
            for finding in mistake.findings:
                complain(str(finding))
            complain(f"{_counted(len(mistake.findings), 'mistake')} in {file}")
        return 2
    if json:
        warnings = _plain(loaded.warnings)
        show_json({"file": loaded.file, "kind": loaded.kind.value, "mistakes": [], "warnings": warnings})
        return 0
    for finding in loaded.warnings:
        complain(f"warning: {finding}")
    show(f"{loaded.file}: no mistake in this {loaded.kind.value} ({loaded.summary()})")
    if loaded.kind.value == "device":
        suggest(("keytwin schema device", "what a device file may say"))
    else:
        suggest((f"keytwin run {file}", "run it in virtual time"))
    return 0


def _plain(findings: tuple[Finding, ...]) -> list[dict[str, object]]:
    return [msgspec.to_builtins(finding) for finding in findings]


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
