"""The command line: a thin shell over the public API. `keytwin --help` says what there is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from cyclopts import App, Parameter

from keytwin.cli.check import check
from keytwin.cli.demo import demo
from keytwin.cli.examples import examples
from keytwin.cli.exits import guarded
from keytwin.cli.init import init
from keytwin.cli.run import run
from keytwin.cli.schema import schema

ABOUT: Final = (
    "Run a QKD network from a file, without its hardware: key management and control over a digital twin of the "
    "quantum layer."
)


def version() -> str:
    """Return the version that is installed."""
    from keytwin.runtime.trace import own_version

    return f"keytwin {own_version()}"


COMMANDS: Final[tuple[Callable[..., object], ...]] = (demo, init, check, run, examples, schema)

app = App(
    name="keytwin",
    help=ABOUT,
    version=version,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
    result_action="return_value",
)
for order, command in enumerate(COMMANDS):
    app.command(command, sort_key=order)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the arguments say and leave with an exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        # Python has no stdout when whoever started us has closed it: nobody wants to read anything then.
        sys.stdout = sys.stdout or nowhere
        sys.exit(guarded(partial(app, words, exit_on_error=False)))
