"""What happens when, in virtual time: one heap of messages, timers, writes and actions, ordered by (instant, number).

Numbers are unique and given in order, so things of one instant keep the order in which they were planned, and no two
entries ever compare beyond it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from heapq import heapify, heappush
from typing import Final

from keytwin.runtime.disk import Write
from keytwin.runtime.host import Host, Timer
from keytwin.runtime.ports import Task
from keytwin.vocabulary.machine import Message, StartTimer
from keytwin.vocabulary.units import Duration

Action = Callable[[], None]
Occasion = Timer | Write | Task | Action
Entry = tuple[int, int, Host, Message | None, Occasion | None]
"""(instant, number, host, message, occasion): a message from elsewhere, or else an occasion that may bring one."""

FEWEST_DEAD: Final = 512  # entries: below it, sweeping the heap would cost more than it frees


class Schedule:
    """The heap. An entry whose timer was stopped or moved stays in it as dead, until the dead outnumber the living."""

    def __init__(self, fewest_dead: int = FEWEST_DEAD) -> None:
        self._fewest_dead = fewest_dead
        self.heap: list[Entry] = []
        self.next_number = itertools.count(1).__next__
        self.dead = 0

    def deliver(self, at: int, host: Host, message: Message) -> None:
        """Plan a message's arrival."""
        heappush(self.heap, (at, self.next_number(), host, message, None))

    def plan(self, at: int, host: Host, occasion: Occasion) -> None:
        """Plan an action, or the end of a write or of what a port does."""
        heappush(self.heap, (at, self.next_number(), host, None, occasion))

    def start_timer(self, host: Host, effect: StartTimer, now: int) -> None:
        """Start a timer, or move one of the same name."""
        due = now + max(effect.after, 0)
        number = self.next_number()
        timer = host.timers.get(effect.name)
        if timer is None:
            timer = host.timers[effect.name] = Timer(effect.name, due, number, effect.message, number, due)
            heappush(self.heap, (due, number, host, None, timer))
            return
        if timer.message is None:  # stopped, but its entry is still there to be used again
            self.dead -= 1
        timer.due, timer.number, timer.message = due, number, effect.message
        if due < timer.entry_at:  # the entry in the heap would come up too late
            timer.entry, timer.entry_at = number, due
            heappush(self.heap, (due, number, host, None, timer))
            self._bury(1)

    def stop_timer(self, host: Host, name: str) -> None:
        """Stop a timer; one that has gone off or never ran is no error."""
        timer = host.timers.get(name)
        if timer is not None and timer.message is not None:
            timer.message = None
            self._bury(1)

    def fire(self, host: Host, timer: Timer, number: int) -> Message | None:
        """Give the message of a timer whose entry has come up; None when it was stopped, moved or is of the dead."""
        if timer.entry != number:
            self.dead -= 1
            return None
        if timer.message is not None and timer.number != number:  # moved to later meanwhile
            timer.entry, timer.entry_at = timer.number, timer.due
            heappush(self.heap, (timer.due, timer.number, host, None, timer))
            return None
        if timer.message is None:
            self.dead -= 1
        del host.timers[timer.name]
        return timer.message

    def forget(self, host: Host) -> None:
        """Forget all timers of a host whose machine dies."""
        died = 0
        for timer in host.timers.values():
            died += timer.message is not None  # a stopped one was counted when it was stopped
            timer.entry = 0
        host.timers = {}
        self._bury(died)

    def put_off(self, host: Host, now: int, until: int) -> None:
        """Let no timer of a host go off before `until`; those that were due earlier keep their order."""
        early = [timer for timer in host.timers.values() if timer.message is not None and timer.due < until]
        for timer in sorted(early, key=lambda timer: (timer.due, timer.number)):
            assert timer.message is not None
            self.start_timer(host, StartTimer(timer.name, Duration(until - now), timer.message), now)

    def writes(self, host: Host) -> list[Write]:
        """Return the writes of a host's present incarnation that are under way, in their order."""
        entries = sorted((entry for entry in self.heap if entry[2] is host), key=lambda entry: entry[:2])
        found = [entry[4] for entry in entries]
        return [write for write in found if isinstance(write, Write) and write.incarnation == host.incarnation]

    def _bury(self, died: int) -> None:
        self.dead += died
        if self.dead > self._fewest_dead and 2 * self.dead > len(self.heap):
            self._sweep()

    def _sweep(self) -> None:
        for _, number, host, _, occasion in self.heap:
            if isinstance(occasion, Timer) and occasion.entry == number and occasion.message is None:
                occasion.entry = 0
                del host.timers[occasion.name]
        # In place: the loop holds on to the list.
        self.heap[:] = [entry for entry in self.heap if not isinstance(entry[4], Timer) or entry[4].entry == entry[1]]
        heapify(self.heap)
        self.dead = 0
