"""A process that ends with the one that started it, however that ends: by a pipe as its standard input."""

from __future__ import annotations

import os
import signal
import threading


def end_with_parent() -> None:
    """Let SIGTERM come when nobody holds the other end of the standard input any more."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    os.read(0, 1)  # not `sys.stdin`: its lock would be held when the interpreter ends
    os.kill(os.getpid(), signal.SIGTERM)
