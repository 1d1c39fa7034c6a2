"""Exit codes, and what a failure looks like to a user: docs/reference/cli.md."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from cyclopts.exceptions import CycloptsError

from keytwin.cli.output import complain
from keytwin.runtime.crash import contain
from keytwin.vocabulary.errors import FileMistake, Mistake, Refusal

REPORT: Final = "this is a bug in keytwin: please report it with the lines above and the command you typed"


class Exit(IntEnum):
    """What a command's exit code says; stable."""

    OK = 0
    FAILED = 1  # the run ended, but not as expected
    MISTAKE = 2  # in what the user wrote
    REFUSED = 3  # the network, or the machine it runs on, won't
    INTERNAL = 70  # a bug: EX_SOFTWARE of sysexits.h


def guarded(command: Callable[[], object]) -> int:
    """Do the work of a command and turn whatever it raises into lines for the user and an exit code."""
    done = contain(command)
    match done:
        case CycloptsError():  # cyclopts has said what was wrong
            return Exit.MISTAKE
        case FileMistake():
            for finding in done.findings:
                complain(str(finding))
            return Exit.MISTAKE
        case Mistake():
            complain(f"keytwin: {done}")
            return Exit.MISTAKE
        case Refusal() | OSError():
            complain(f"keytwin: {done}")
            return Exit.REFUSED
        case Exception():
            traceback.print_exception(done, file=sys.stderr)
            complain(REPORT)
            return Exit.INTERNAL
        case int():
            return done
        case _:
            return Exit.OK
