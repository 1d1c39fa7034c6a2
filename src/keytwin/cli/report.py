"""`keytwin report`: a design or a run as one page for people."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

from cyclopts import Parameter

from keytwin.cli.output import show
from keytwin.vocabulary.errors import Mistake

PAGE = "report.html"


def report(what: Path, /, *, output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None) -> None:
    """Write a report that anybody can read: one file with text, tables and drawings, without script.

    Parameters
    ----------
    what
        The folder that keytwin design wrote, or a file of keytwin run --trace.
    output
        The HTML file to write: report.html in the folder, or beside the trace under its name, if left out.
    """
    from keytwin.assessment.answer import VERDICT_FILE
    from keytwin.report.outputs import check_page

    # The verdict itself is as good as its folder.
    design = what.parent if what.name == VERDICT_FILE else what
    is_design = design.is_dir()
    if not is_design and not what.is_file():
        raise Mistake(
            f"there is no folder and no trace '{what}': keytwin design NEED -o DIR and run --trace FILE write them"
        )
    path = output or (design / PAGE if is_design else what.with_suffix(".html"))
    check_page(path, what)
    text = _of_design(design) if is_design else _of_run(what)
    octets = text.encode()
    path.write_bytes(octets)
    show(f"written to {quote(str(path))}, {len(octets) / 1000:,.0f} kB: open it in a browser, print it from there")


def _of_design(folder: Path) -> str:
    from keytwin.assessment.answer import VERDICT_FILE, read_answer
    from keytwin.report.html import report_of

    return report_of(read_answer(folder / VERDICT_FILE), folder)


def _of_run(path: Path) -> str:
    from keytwin.report.html import report_of_run
    from keytwin.runtime.trace import digest, read_trace

    return report_of_run(read_trace(path), digest(path))
