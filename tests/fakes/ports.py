"""Ports that nobody listens on."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack
from typing import Final

LOWEST: Final = 20_000
HIGHEST: Final = 32_000  # below those that the system gives to outgoing connections
TRIES: Final = 100


def free_ports(count: int) -> int:
    """Return the first of so many free ports in a row."""
    for _ in range(TRIES):
        base = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        if _are_free(base, count):
            return base
    raise AssertionError(f"there are no {count} free ports in a row")


def _are_free(base: int, count: int) -> bool:
    with ExitStack() as held:
        try:
            for port in range(base, base + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            return False
    return True
