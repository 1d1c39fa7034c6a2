"""Journals as earlier keytwins wrote them, kept for ever: `golden/format-<n>.db`, and beside it what had been used.

`python -m tests.runtime.golden_journals` adds the one of the present format; one that is there is never written anew.
A small network runs in simulation and is stopped in the middle of everything: sessions open, keys in pools and on their
way, some handed out, marks below what is allocated.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from keytwin.files.network import read_network
from keytwin.network import shorten, simulate
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.journal_file import FORMAT
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_oracles import PadWatch, SaeLedger, rates_of
from keytwin.scenario.timeline import orders
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import ElementName, KeyId, LinkId, NodeId
from keytwin.vocabulary.machine import Message, Record
from keytwin.vocabulary.timeline import Action, AskKeys, OpenApp
from keytwin.vocabulary.units import Instant, milliseconds, seconds

GOLDEN: Final = Path(__file__).parent / "golden"
ENVELOPE: Final = Envelope(KeyFile(bytes(range(32))))
STOPPED: Final = 14  # seconds: the first blocks have come, both apps have asked for some seconds
SEED: Final = 7


class Used(msgspec.Struct, frozen=True):
    """What the network had used when it was stopped: ranges of pads with a digest, keys with those who had them."""

    ranges: tuple[tuple[str, str, int, int, str], ...]  # link, sender, offset, octets, digest of the message
    keys: dict[str, tuple[tuple[str, str], ...]]  # key ID -> SAEs with a fingerprint each


@dataclass
class Watched:
    """A network in simulation with a wiretap on its pads and a ledger at its SAEs."""

    simulation: Simulation
    blueprint: Blueprint
    pads: PadWatch = field(default_factory=PadWatch)
    ledger: SaeLedger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = SaeLedger(rates_of(self.blueprint))
        self.simulation.wires.tap(self._tap)

    def ask(self, at: int) -> None:
        for app in self.blueprint.apps:
            self.do(at, OpenApp(app.id))
            self.do(at, AskKeys(app.id, 1, None, 60, milliseconds(800), "both"))

    def do(self, at: int, action: Action) -> None:
        for to, message in orders(action, self.blueprint):
            self.simulation.inject(Instant(seconds(at)), to, message)

    def _tap(self, at: Instant, source: ElementName, to: ElementName, message: Message) -> None:
        del source, at
        self.pads.see(message)
        self.ledger.see(Instant(seconds(10**6)), to, message)  # rates are no concern here


def watched(seed: int = SEED) -> Watched:
    blueprint = read_network(str(GOLDEN / "network.yaml"))
    return Watched(simulate(blueprint, seed, keep_records=True), blueprint)


def used_by(world: Watched) -> Used:
    ranges = [
        (str(link), str(sender), offset, length, digest.hex())
        for (link, sender), known in world.pads.used.items()
        for offset, (length, digest) in known.items()
    ]
    keys = {
        str(key_id): tuple((str(to), base64.b64encode(value).decode()) for to, value in ends.items())
        for key_id, ends in world.ledger.got.items()
    }
    return Used(tuple(ranges), keys)


def remember(world: Watched, used: Used) -> None:
    """Let the oracles know what the stopped network had used."""
    for link, sender, offset, length, digest in used.ranges:
        world.pads.used[LinkId(link), NodeId(sender)][offset] = (length, bytes.fromhex(digest))
    for key_id, ends in used.keys.items():
        world.ledger.got[KeyId(key_id)] = {ElementName(to): base64.b64decode(value) for to, value in ends}


def opened(path: Path) -> Journal:
    return Journal.open(path, ENVELOPE, RecordCodec(record_types()))


def main() -> None:
    """Write the journal of the present format: a snapshot of the first two thirds, and the rest behind it."""
    path = GOLDEN / f"format-{FORMAT}.db"
    assert not path.exists(), f"{path.name} is there: a golden journal is never written anew"
    world = watched()
    world.simulation.start()
    world.ask(1)
    world.simulation.run(Instant(seconds(STOPPED)))
    with closing(opened(path)) as journal:
        for name, host in world.simulation.hosts.items():
            for record in (records := host.disk.records())[: len(records) * 2 // 3]:
                journal.stage(name, record)
                journal.commit()
        journal.shorten_by(partial(_shorten, world), longest_tail=0)
        for name, host in world.simulation.hosts.items():
            for record in (records := host.disk.records())[len(records) * 2 // 3 :]:
                journal.stage(name, record)
                journal.commit()
    path.with_name(f"{path.name}.lock").unlink()
    path.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(used_by(world)), indent=0))


def _shorten(world: Watched, element: ElementName, records: list[Record]) -> Iterable[Record] | None:
    made = {name: host.make for name, host in world.simulation.hosts.items() if host.make}
    return shorten(made, world.blueprint, element, records, world.simulation.now)


if __name__ == "__main__":
    main()
