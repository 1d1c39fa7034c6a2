"""All state tables of the running half, and the page that shows them.

`python -m keytwin.report.states > docs/reference/states.md` writes the page anew; a test compares.
"""

from __future__ import annotations

import sys

from keytwin.assessment.tables import TABLES
from keytwin.report.state_diagram import states_page


def page() -> str:
    """Return the page of all state tables, in Markdown."""
    return states_page(table.view() for table in TABLES)


if __name__ == "__main__":
    sys.stdout.write(page())
