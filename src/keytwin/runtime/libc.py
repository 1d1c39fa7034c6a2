"""What of the system's own library Python has no name for: prctl(2), mlock(2) and malloc_trim(3), on Linux only.

And memset(3), for octets in an object of the interpreter's that cannot be changed.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

PDEATHSIG: Final = 1  # PR_SET_PDEATHSIG of linux/prctl.h: a signal for when the parent dies
DUMPABLE: Final = 4  # PR_SET_DUMPABLE: whether there may be images of the memory


def prctl(option: int, value: int) -> bool:
    """Set something of this process; False where it cannot be."""
    if sys.platform != "linux":
        return False
    return bool(_library().prctl(option, value, 0, 0, 0) == 0)


def mlock(address: int, size: int) -> bool:
    """Keep octets out of swap space; False when the user's limit (ulimit -l) is reached, or there is no such call."""
    try:
        return bool(_library().mlock(ctypes.c_void_p(address), ctypes.c_size_t(size)) == 0)
    except (AttributeError, OSError):  # a platform without it
        return False


def trim() -> None:
    """Give back to the system what is not in use any more, where its library can be told to."""
    if sys.platform == "linux" and hasattr(_library(), "malloc_trim"):
        _library().malloc_trim(0)


def overwrite(octets: bytes) -> None:
    """Overwrite octets that nobody else has and that are not looked at again: Python itself cannot change them."""
    if len(octets) > 1:  # the interpreter has but one object for all that are shorter
        ctypes.memset(ctypes.cast(ctypes.c_char_p(octets), ctypes.c_void_p), 0, len(octets))


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
