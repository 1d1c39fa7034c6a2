"""`keytwin sysml`: architectures out as SysML v2, checks of such files, and what a configuration says back in."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from cyclopts import App, Parameter

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json, suggest
from keytwin.cli.values import Number, whole
from keytwin.vocabulary.errors import Finding, Mistake

if TYPE_CHECKING:  # the reader of SysML waits for the command that needs it
    from keytwin.design.sysml_back import Difference, ReadBack

sysml = App(name="sysml", help="Write architectures as SysML v2, check such files, and read configurations back.")

Folder = Annotated[str, Parameter(name=("-o", "--output"), help="The folder that the files are written to.")]
Sample = Annotated[int | None, Parameter(help="Write this many configurations, drawn at random.", converter=whole)]
_NOTHING: Final = "nothing"


@sysml.command
def export(
    selection: str | None = None,
    /,
    *,
    output: Folder,
    ovm: str | None = None,
    sample: Sample = None,
    seed: Number = 1,
) -> int:
    """Write the architecture that a selection of variants becomes as SysML v2 files.

    Parameters
    ----------
    selection
        The name of an example or the path of a selection file; without it, the whole family with nothing chosen.
    ovm
        The variability model: that of the selection, or qkd, when left out.
    seed
        Of the draw; equal seeds give equal files.
    """
    from keytwin.assessment.sysml import MOST_SAMPLES, exported, exported_family, sampled
    from keytwin.files.sysml_files import write_texts

    if sample is None:
        texts = exported(selection, ovm) if selection is not None else exported_family(ovm)
        written = write_texts(output, texts)
        show(f"{output}: {counted(len(written), 'file')}")
    else:
        if selection is not None:
            raise Mistake("--sample draws configurations: leave the selection out")
        if not 1 <= sample <= MOST_SAMPLES:
            raise Mistake(f"--sample takes 1 to {MOST_SAMPLES}")
        for number, (_, texts) in enumerate(sampled(ovm, sample, seed), 1):
            write_texts(str(Path(output) / f"{number:04}"), texts)
        show(f"{output}: {counted(sample, 'configuration')}, each in a folder")
    where = quote(output if sample is None else str(Path(output) / "0001"))
    suggest((f"keytwin sysml check {where}", "hold it to our rules; --reference asks another implementation too"))
    return Exit.OK


@sysml.command
def check(*files: str, reference: bool = False, json: bool = False) -> int:
    """Find what is wrong in SysML v2 files that belong together.

    Parameters
    ----------
    files
        Paths of files, or of folders with .sysml files.
    reference
        Ask the reference toolkit too whether it can parse the files and resolve every name; needs the extra `sysml`.
    json
        Print the findings as JSON, and nothing else.
    """
    from keytwin.design.sysml_reader import read_sysml
    from keytwin.design.sysml_rules import check_sysml
    from keytwin.files.sysml_files import read_texts

    # No file at all would pass as sound, which a script with a wrong pattern would take for a success.
    if not files:
        raise Mistake("name the files or folders to be checked")
    texts = read_texts(files)
    found = check_sysml([read_sysml(text, file) for file, text in texts.items()])
    asked = _ask_reference(texts) if reference else None
    if asked is not None:
        found = (*found, *asked[1])
    if json:
        # None says that nobody asked; nought elements would be an answer.
        elements = asked[0] if asked is not None else None
        show_json({"files": list(texts), "reference_elements": elements, "findings": msgspec.to_builtins(found)})
        return Exit.MISTAKE if found else Exit.OK
    for finding in found:
        complain(str(finding))
    if found:
        complain(counted(len(found), "finding"))
        return Exit.MISTAKE
    show(f"{counted(len(texts), 'file')}: sound syntax, no rule broken")
    if asked is not None:
        show(f"the reference toolkit resolves every name among {asked[0]} elements")
    return Exit.OK


def _ask_reference(texts: dict[str, str]) -> tuple[int, tuple[Finding, ...]]:
    from keytwin.files.sysml_reference import check_by_reference, findings_of

    checked = check_by_reference(texts)
    return checked.elements, findings_of(checked, texts)


@sysml.command
def read(file: str, /, *, json: bool = False) -> int:
    """Tell what a configuration file chooses, sets and documents, and what of it keytwin would write otherwise.

    Parameters
    ----------
    file
        The path of a file, such as the configuration.sysml of an export, that may have been edited by hand.
    json
        Print it as JSON, and nothing else.
    """
    from keytwin.assessment.sysml import rewritten
    from keytwin.design.sysml_back import differences, read_back
    from keytwin.design.sysml_reader import read_sysml
    from keytwin.files.sysml_files import read_texts
    from keytwin.vocabulary.errors import FileMistake

    ((path, text),) = read_texts([file]).items()
    document = read_sysml(text, path)
    # A text that cannot be read whole might hide a choice, and what is missing would pass for a change.
    if document.findings:
        raise FileMistake(document.findings)
    back = read_back(document)
    if not back.ovm:
        raise Mistake(f"{file} holds no configuration: none of its parts is marked @Configured")
    changes = differences(rewritten(back), back)
    if json:
        show_json(_as_data(back, changes))
    else:
        _show_back(back)
        _show_changes(path, changes)
    return Exit.OK


def _as_data(back: ReadBack, changes: tuple[Difference, ...]) -> dict[str, object]:
    return {
        "file": back.file,
        "ovm": back.ovm,
        "chosen": list(back.configuration.chosen),
        "values": {each.path: each.value for each in back.values},
        "documentation": [{"of": each.path, "text": each.text} for each in back.docs],
        "differences": msgspec.to_builtins(changes),
    }


def _show_back(back: ReadBack) -> None:
    show(f"{back.file}: a configuration of {back.ovm}", f"  chosen: {', '.join(back.configuration.chosen)}")
    show(*(f"  {each.path} = {each.value}" for each in back.values))
    show(*(f"  {each.path or back.file}: {each.text}" for each in back.docs))


def _show_changes(path: str, changes: tuple[Difference, ...]) -> None:
    show("otherwise than keytwin would write it:" if changes else "as keytwin would write it")
    for each in changes:
        place = f"{path}:{each.line}:{each.column}: " if each.line else ""
        # On two lines, since one would be wrapped in the middle of a value.
        show(f"  {place}{each.about} {each.path}:", f"    {each.before or _NOTHING} -> {each.after or _NOTHING}")
