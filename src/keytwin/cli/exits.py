"""Exit codes, and what a failure looks like to a user: docs/reference/cli.md."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from functools import partial
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
    done = contain(partial(_flushed, command))
    match done:
        case BrokenPipeError():  # the reader, such as `head`, has seen enough
            _forget_stdout()
            return Exit.OK
        case CycloptsError():  # cyclopts has said what was wrong
            return Exit.MISTAKE
        case FileMistake():
            for finding in done.findings:
                complain(str(finding))
            return Exit.MISTAKE
        case Mistake():
            complain(f"keytwin: {done}")
            return Exit.MISTAKE
        case Refusal():
            complain(f"keytwin: {done}")
            return Exit.REFUSED
        case OSError():
            complain(f"keytwin: {_in_plain_words(done)}")
            return Exit.REFUSED
        case Exception():
            traceback.print_exception(done, file=sys.stderr)
            complain(REPORT)
            return Exit.INTERNAL
        case int():
            return done
        case _:
            return Exit.OK


def _in_plain_words(error: OSError) -> str:
    """Say what the machine refused without its error number."""
    why = (error.strerror or str(error)).lower()
    return f"'{error.filename}': {why}" if error.filename is not None else why


def _flushed(command: Callable[[], object]) -> object:
    done = command()
    sys.stdout.flush()  # here, where a reader that has gone away can still be answered
    return done


def _forget_stdout() -> None:
    """Keep the interpreter from flushing, at its end, what nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
