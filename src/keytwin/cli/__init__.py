"""The command line: a thin shell over the public API. `keytwin --help` says what there is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from typing import Final

from cyclopts import App

from keytwin.cli.check import check
from keytwin.cli.demo import demo
from keytwin.cli.examples import examples
from keytwin.cli.exits import guarded
from keytwin.cli.init import init
from keytwin.cli.run import run
from keytwin.cli.schema import schema

ABOUT: Final = (
    "Turn a need into a QKD network that runs: key management and control over a digital twin of the quantum layer."
)


def version() -> str:
    """Return the version that is installed."""
    return f"keytwin {metadata.version('keytwin')}"


app = App(name="keytwin", help=ABOUT, version=version, help_format="plaintext", result_action="return_value")
for order, command in enumerate((demo, init, check, run, examples, schema)):
    app.command(command, sort_key=order)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the arguments say and leave with an exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    sys.exit(guarded(partial(app, words, exit_on_error=False)))
