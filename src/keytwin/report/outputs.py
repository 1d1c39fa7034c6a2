"""Where a run may write: nothing that a user has written himself is ever overwritten by a trace or a figure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from keytwin.vocabulary.errors import Mistake, Refusal

FIGURE_SUFFIX: Final = ".svg"
PAGE_SUFFIXES: Final = (".html", ".htm")
WRITTEN_BY_PEOPLE: Final = (".yaml", ".yml")


def check_figure(path: Path) -> None:
    """Mistake when a figure would get a name that belongs to another kind of file."""
    if path.suffix.lower() != FIGURE_SUFFIX:
        raise Mistake(f"a figure is an SVG file: give it a name that ends in {FIGURE_SUFFIX}, not '{path}'")


def check_outputs(network: str | Path, trace: Path | None, figure: Path | None) -> None:
    """Mistake when a run would overwrite what it reads or what it writes; Refusal when it could not write.

    Asked before a run: afterwards it would be lost.
    """
    if figure:
        check_figure(figure)
    if trace and trace.suffix.lower() in WRITTEN_BY_PEOPLE:
        raise Mistake(f"a trace is no YAML file: give it a name that ends in .jsonl, not '{trace}'")
    if trace and figure and _is_same(trace, figure):
        raise Mistake(f"trace and figure cannot both be written to '{trace}': choose two names")
    for path in (trace, figure):
        if path and _is_same(path, Path(network)):
            raise Mistake(f"'{path}' is what is to be run: choose another name for what is written")
        if path:
            _check_writable(path)


def check_page(path: Path, read: Path) -> None:
    """Mistake when a report would overwrite what it is made of, or get a name that belongs to another kind of file."""
    if path.suffix.lower() not in PAGE_SUFFIXES:
        raise Mistake(f"a report is an HTML file: give it a name that ends in {PAGE_SUFFIXES[0]}, not '{path}'")
    if _is_same(path, read):
        raise Mistake(f"'{path}' is what the report is made of: choose another name for what is written")
    _check_writable(path)


def check_written(path: Path) -> None:
    """Refusal when a file cannot be written; Mistake when its name is that of a file that people write."""
    if path.suffix.lower() in WRITTEN_BY_PEOPLE:
        raise Mistake(f"'{path}' would be a YAML file: choose another name for what is written")
    _check_writable(path)


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _check_writable(path: Path) -> None:
    """Refusal that says in plain words why a file can't be written."""
    if path.is_dir():
        raise Refusal(f"cannot write '{path}': it is a folder")
    if not path.parent.is_dir():
        raise Refusal(f"cannot write '{path}': there is no folder '{path.parent}'")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise Refusal(f"cannot write '{path}': permission denied")
