"""All state tables of the running half, and the page that shows them.

`python -m keytwin.report.states > docs/reference/states.md` writes the page anew; a test compares.
"""

from __future__ import annotations

import sys
from typing import Final

from keytwin.control.admission_table import ADMISSION_TABLE
from keytwin.keymanagement.exchange import EXCHANGE_TABLE
from keytwin.keymanagement.session import SESSION_TABLE
from keytwin.quantum.twin import TWIN_TABLE
from keytwin.report.state_diagram import states_page
from keytwin.service.app_session import APP_TABLE
from keytwin.service.standing import STANDING_TABLE
from keytwin.vocabulary.machine import StateTable

TABLES: Final[tuple[StateTable, ...]] = (
    SESSION_TABLE,
    EXCHANGE_TABLE,
    ADMISSION_TABLE,
    TWIN_TABLE,
    APP_TABLE,
    STANDING_TABLE,
)


def page() -> str:
    """Return the page of all state tables, in Markdown."""
    return states_page(table.view() for table in TABLES)


if __name__ == "__main__":
    sys.stdout.write(page())
