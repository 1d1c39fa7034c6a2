"""Exit codes, and what a failure looks like to a user: docs/reference/cli.md."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from cyclopts.exceptions import CycloptsError

from keytwin.cli.output import complain
from keytwin.vocabulary.errors import FileMistake, Mistake, Refusal

REPORT: Final = "this is a bug in keytwin: please report it with the lines above and the command you typed"


class Exit(IntEnum):
    """What a command's exit code says; stable."""

    OK = 0
    FAILED = 1  # the run ended, but not as expected
    MISTAKE = 2  # in what the user wrote
    REFUSED = 3  # the network, or the machine it runs on, won't
    INTERNAL = 70  # a bug: EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def guarded(command: Callable[[], object]) -> int:
    """Do the work of a command and turn whatever it raises into lines for the user and an exit code."""
    try:
        done = command()
    except CycloptsError:  # cyclopts has said what was wrong
        return Exit.MISTAKE
    except FileMistake as mistake:
        for finding in mistake.findings:
            complain(str(finding))
        return Exit.MISTAKE
    except Mistake as mistake:
        complain(f"keytwin: {mistake}")
        return Exit.MISTAKE
    except (Refusal, OSError) as refusal:
        complain(f"keytwin: {refusal}")
        return Exit.REFUSED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception:  # noqa: BLE001  # the one place of supervision of this process
        traceback.print_exc(file=sys.stderr)
        complain(REPORT)
        return Exit.INTERNAL
    return done if isinstance(done, int) else Exit.OK
