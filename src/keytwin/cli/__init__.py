"""The command line: a thin shell over the public API. `keytwin --help` says what there is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from cyclopts import App, Parameter

from keytwin.cli.audit import audit
from keytwin.cli.check import check
from keytwin.cli.conform import conform
from keytwin.cli.demo import demo
from keytwin.cli.design import design
from keytwin.cli.doctor import doctor
from keytwin.cli.evaluate import evaluate
from keytwin.cli.events import events
from keytwin.cli.examples import examples
from keytwin.cli.exits import guarded
from keytwin.cli.explore import explore
from keytwin.cli.init import init
from keytwin.cli.key import key
from keytwin.cli.link import link
from keytwin.cli.operate import attack, distrust, fail, heal, metrics, sae, trust
from keytwin.cli.ovm import ovm
from keytwin.cli.papers import papers
from keytwin.cli.report import report
from keytwin.cli.run import run
from keytwin.cli.schema import schema
from keytwin.cli.simulate import simulate
from keytwin.cli.status import status
from keytwin.cli.sweep import sweep
from keytwin.cli.sysml import sysml
from keytwin.cli.trace import trace
from keytwin.cli.up import down, up
from keytwin.cli.views import views

ABOUT: Final = (
    "Run a QKD network from a file, without its hardware: key management and control over a digital twin of the "
    "quantum layer."
)


def version() -> str:
    """Return the version that is installed."""
    from keytwin.runtime.trace import own_version

    return f"keytwin {own_version()}"


COMMANDS: Final[tuple[Callable[..., object] | App, ...]] = (
    *(demo, design, explore, evaluate, trace, report, run, sweep, simulate),
    *(init, check, examples, schema, link, papers),
    *(ovm, views, sysml),
    *(up, status, key, events, fail, attack, heal, distrust, trust, sae, metrics, audit, down, doctor, conform),
)

app = App(
    name="keytwin",
    help=ABOUT,
    version=version,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
    result_action="return_value",
)
for order, command in enumerate(COMMANDS):
    if isinstance(command, App):  # a group of commands takes its place by itself
        command.sort_key = order
        app.command(command)
    else:
        app.command(command, sort_key=order)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the arguments say and leave with an exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        # Python has no stdout when whoever started us has closed it: nobody wants to read anything then.
        sys.stdout = sys.stdout or nowhere
        sys.exit(guarded(partial(app, words, exit_on_error=False)))
