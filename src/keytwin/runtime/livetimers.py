"""Timers of live elements on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from keytwin.runtime.livehost import LiveHost, LiveTimer
from keytwin.vocabulary.machine import Message, StartTimer
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND


class LiveTimers:
    """Starts and stops them; `ring` delivers what one brings."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[LiveHost, Message], None]) -> None:
        self._loop = loop
        self._deliver = ring

    def start(self, host: LiveHost, effect: StartTimer) -> None:
        """Start a timer, or move one of the same name."""
        due = self._loop.time() + max(effect.after, 0) / NANOSECONDS_PER_SECOND
        timer = host.timers.get(effect.name)
        if timer is None:
            timer = host.timers[effect.name] = LiveTimer(due, effect.message)
        else:
            timer.due, timer.message = due, effect.message
            if timer.handle is not None:
                if timer.handle.when() <= due:  # it finds out when it goes off: most timers are moved, not waited for
                    return
                timer.handle.cancel()
        timer.handle = self._loop.call_at(due, self._ring, host, effect.name, timer)

    def stop(self, host: LiveHost, name: str) -> None:
        """Forget a timer; one that has gone off or never ran is no error."""
        timer = host.timers.pop(name, None)
        if timer is not None and timer.handle is not None:
            timer.handle.cancel()

    def _ring(self, host: LiveHost, name: str, timer: LiveTimer) -> None:
        timer.handle = None
        if host.timers.get(name) is not timer:
            return
        if self._loop.time() < timer.due:
            timer.handle = self._loop.call_at(timer.due, self._ring, host, name, timer)
            return
        del host.timers[name]
        self._deliver(host, timer.message)
