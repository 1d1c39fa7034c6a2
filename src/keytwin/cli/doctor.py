"""`keytwin doctor`: whether this machine can run a live network, and what to mend."""

from __future__ import annotations

from keytwin.cli.exits import Exit
from keytwin.cli.place import USUAL_PLACE, Place


def doctor(network: str = "star6", /, *, place: Place = USUAL_PLACE) -> int:
    """Look at everything that a live network needs; exit code 1 when something is missing.

    Parameters
    ----------
    network
        The network that is to run: how many ports it takes follows from it.
    """
    from keytwin.operation.checkup import Verdict, examine

    checks = list(examine(place.settings(network)))
    for check in checks:  # on lines that are never broken: a remedy is there to be copied
        print(f"{check.verdict:<5}{check.about:<14}{check.found}")
        if check.remedy:
            print(f"{'':<19}-> {check.remedy}")
    return Exit.FAILED if any(check.verdict is Verdict.FAIL for check in checks) else Exit.OK
