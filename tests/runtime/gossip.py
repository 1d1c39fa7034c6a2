"""A toy network that uses everything a simulation has, and the digest of all that it does: run by `test_determinism`.

`python -m tests.runtime.gossip` prints three digests: of seed 7, of seed 8, and of seed 7 with machines that are
careless about the order of a set.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from functools import partial

import numpy as np

from keytwin.runtime.journal_codec import encode
from keytwin.runtime.simulation import Simulation
from keytwin.runtime.trace import TraceWriter
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Save, Send, StartTimer
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import Instant, milliseconds, seconds
from tests.runtime.words import Kept, Ring, Say, constant

NAMES = [ElementName(f"km/{name}") for name in ("ada", "bob", "cyd", "dee", "eve")]


class Gossip:
    """Tells everybody a number each 50 ms and saves what it hears."""

    def __init__(self, name: ElementName, entropy: Entropy, generator: np.random.Generator, *, careless: bool) -> None:
        self.others = [other for other in NAMES if other != name]
        self.entropy, self.generator = entropy, generator
        self.heard = 0
        self.careless = careless

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        del now
        self.heard = len(list(records))
        return [self.again()]

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        del now
        if isinstance(message, Ring):
            to = set(self.others) if self.careless else self.others
            news = int.from_bytes(self.entropy.bytes(2))
            return [*(Send(other, Say(news)) for other in to), self.again()]
        assert isinstance(message, Say)
        if message.number % 7 == 0:
            raise Violation("an unlucky number")
        self.heard += 1
        return [Save(Kept(message.number)), Publish(ViolationSeen("heard", f"{self.heard} {message.number}"))]

    def again(self) -> Effect:
        return StartTimer("again", milliseconds(50 * self.generator.random()), Ring())


def run(seed: int, *, careless: bool = False) -> str:
    """Return the digest of everything that is sent and published in two seconds."""
    simulation = Simulation(seed, constant, keep_records=True)
    for name in NAMES:
        ports = simulation.entropy(name), simulation.generator(name)
        simulation.add(name, partial(Gossip, name, *ports, careless=careless))
    writer = TraceWriter(io.BytesIO(), "gossip", seed)
    simulation.subscribe(writer)
    wire = hashlib.sha256()
    simulation.wires.tap(lambda at, a, b, message: wire.update(f"{at} {a} {b}".encode() + encode(message)))
    simulation.start()
    simulation.disturb(MessageFaults(drop=0.1, duplicate=0.1, delay=milliseconds(30), lasting=seconds(1)))
    for number, name in enumerate(NAMES):
        simulation.at(Instant(milliseconds(300 * number)), partial(simulation.restart, name))
    simulation.run(Instant(seconds(2)))
    assert simulation.messages > 1000
    assert simulation.loop.violations > 10
    return f"{writer.digest} {wire.hexdigest()}"


if __name__ == "__main__":
    print(run(7), run(8), run(7, careless=True), sep="\n")  # noqa: T201  # what the test reads
