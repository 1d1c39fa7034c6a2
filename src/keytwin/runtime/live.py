"""A network in real time: the same machines and effects as in simulation, on an event loop, a wire and a real disk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from keytwin.runtime.entropy import SystemEntropy
from keytwin.runtime.livehost import Carrier, LiveHost
from keytwin.runtime.liveloop import Fail, LiveLoop, Store
from keytwin.runtime.loop import Listener
from keytwin.runtime.ports import Ports
from keytwin.runtime.questions import Answer, Questions
from keytwin.service.conversation import Question
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Machine, Message, RequestId
from keytwin.vocabulary.ports import Entropy

Lay = Callable[[ElementName, ElementName], Carrier | None]
"""Gives the way from one element to another; None = inside the process, from inbox to inbox."""

FACE_PREFIX: Final = "face/"


class Live:
    """The elements of one process. Everything here happens on the thread of the loop that runs when it is made."""

    def __init__(self, store: Store, lay: Lay, fail: Fail) -> None:
        self._lay = lay
        self._hosts: dict[ElementName, LiveHost] = {}
        self._questions = Questions()
        self.ports = Ports(survived=Exception)
        self._loop = LiveLoop(store, self._way, fail, self._questions, self.ports)
        self.clock = self._loop.clock
        self.listeners: list[Listener] = self._loop.listeners

    # --- before the start -------------------------------------------------------------------------------------------

    def add(self, name: ElementName, make: Callable[[], Machine]) -> None:
        """Register an element; `make` gives a fresh machine for each of its incarnations."""
        assert name not in self._hosts, f"two elements are called {name}"
        self._hosts[name] = LiveHost(name, make)

    def entropy(self, element: ElementName) -> Entropy:
        """Return the operating system's generator: keys of a live network cannot be predicted from anything."""
        del element
        return SystemEntropy()

    def generator(self, element: ElementName) -> np.random.Generator:
        """Return a generator of physics draws, seeded by the operating system."""
        del element
        return np.random.default_rng()

    def start(self) -> None:
        """Start every element with what is durable of it, in the order of registration."""
        for host in self._hosts.values():
            self._loop.boot(host)
        self._loop.drain()

    # --- while it runs ----------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[ElementName, ...]:
        """The elements of this process."""
        return tuple(self._hosts)

    def machine(self, name: ElementName) -> Machine | None:
        """Return an element's present machine; None while it is stopped."""
        return self._hosts[name].machine

    def restarts(self, name: ElementName) -> int:
        """How often an element has been started again."""
        return max(0, self._hosts[name].starts - 1)

    def post(self, to: ElementName, message: Message) -> None:
        """Deliver a message from outside, from the bus or from a stream; lost when the element is stopped."""
        self._loop.deliver(self._hosts[to], message)

    def ask(self, question: Question, answer: Answer) -> None:
        """Ask an element, and have `answer` called once: with its reply, or with a refusal when it stops meanwhile.

        The message carries a `request_id`, which no other open question has, and a `reply_to` of `face/...`.
        """
        host = self._hosts[question.to]
        if self._questions.put(host, question.message, answer):
            self._loop.deliver(host, question.message)

    def forget(self, request_id: RequestId) -> None:
        """Give a question up: whoever asked has gone. A key that still comes is wiped."""
        self._questions.forget(request_id)

    def stop(self, name: ElementName, cause: str = "stopped") -> None:
        """Kill an element: nothing of its incarnation runs on. Stopping twice is allowed."""
        self._loop.halt(self._hosts[name], cause)

    def restart(self, name: ElementName) -> None:
        """Bring an element back as a fresh machine with what was durable; one that runs is killed first."""
        host = self._hosts[name]
        self._loop.halt(host, "restarted")
        self._loop.flush()  # what it had staged counts as durable or not before it is read again
        self._loop.boot(host)
        self._loop.drain()

    def close(self) -> None:
        """Make the last Saves durable and end every element."""
        self._loop.flush()
        self._loop.is_closed = True
        for host in self._hosts.values():
            self._loop.halt(host, "closed")

    def _way(self, host: LiveHost, to: ElementName) -> Carrier:
        if to.startswith(FACE_PREFIX):
            return self._questions.answer
        carrier = self._lay(host.name, to)
        if carrier is not None:
            return carrier
        target = self._hosts.get(to)
        assert target is not None, f"{host.name} sends to {to}, which is no element of this network"
        return partial(self._loop.deliver, target)
