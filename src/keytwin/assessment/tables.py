"""All state tables of the running half: what the design half and the documentation draw states from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from keytwin.control.admission_table import ADMISSION_TABLE
from keytwin.keymanagement.agreement import AGREEMENT_TABLE
from keytwin.keymanagement.exchange import EXCHANGE_TABLE
from keytwin.keymanagement.session import SESSION_TABLE
from keytwin.quantum.twin import TWIN_TABLE
from keytwin.service.app_session import APP_TABLE
from keytwin.service.standing import STANDING_TABLE
from keytwin.service.stream_table import STREAM_TABLE
from keytwin.vocabulary.machine import StateTable, TableView

TABLES: Final[tuple[StateTable, ...]] = (
    SESSION_TABLE,
    EXCHANGE_TABLE,
    AGREEMENT_TABLE,
    ADMISSION_TABLE,
    TWIN_TABLE,
    APP_TABLE,
    STANDING_TABLE,
    STREAM_TABLE,
)


@cache
def tables() -> Mapping[str, TableView]:
    """Return the tables as data, by name."""
    # Read-only, since every caller shares the one mapping that is kept.
    return MappingProxyType({each.name: each.view() for each in TABLES})
