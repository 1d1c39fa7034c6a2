"""Where a process is, looked at a thousand times a second: hardly disturbs, and sees what happens below a line, too."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

import msgspec

PERIOD: Final = 0.001  # seconds
Stack = tuple[str, ...]
_WALL: Final = (signal.ITIMER_REAL, signal.SIGALRM)
_CPU: Final = (signal.ITIMER_PROF, signal.SIGPROF)


class Samples:
    """Takes samples of the main thread while the block lasts, then writes them: stacks, outermost first, and counts.

    Of wall-clock time, in which waits count, or of the process's own CPU time, in which others don't.
    SIGUSR1 begins anew, so that only what comes after it is in the file.
    """

    def __init__(self, path: Path, *, of_cpu: bool = False) -> None:
        self._path = path
        self._timer, self._signal = _CPU if of_cpu else _WALL
        self._stacks: Counter[Stack] = Counter()

    def __enter__(self) -> Self:
        signal.signal(self._signal, self._look)
        signal.signal(signal.SIGUSR1, lambda *_: self._stacks.clear())
        signal.siginterrupt(self._signal, False)  # noqa: FBT003  # the only way to pass it
        signal.setitimer(self._timer, PERIOD, PERIOD)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        signal.setitimer(self._timer, 0)
        self._path.write_bytes(msgspec.json.encode(list(self._stacks.items())))

    def _look(self, number: int, frame: FrameType | None) -> None:
        del number
        stack = []
        while frame is not None:
            code = frame.f_code
            stack.append(f"{code.co_filename}:{frame.f_lineno} {code.co_qualname}")
            frame = frame.f_back
        self._stacks[tuple(reversed(stack))] += 1
