"""SAEs that use key streams on a simulated network, with a face that asks for them and waits for the answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from keytwin.files.network import read_network
from keytwin.network import Plugins, elements, latency_of, standing
from keytwin.runtime.simulation import Simulation
from keytwin.service.outside import Outside
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import ElementName, Ksid, SaeId, sae_element
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.stream_messages import (
    ChunkDelivered,
    CloseStream,
    GetChunk,
    OpenStream,
    StreamAnswered,
    StreamQos,
)
from keytwin.vocabulary.units import Duration, Instant, seconds
from tests.fakes.scripted import Scripted
from tests.keymanagement.bench import octets_of

FACE = ElementName("sae/face")  # named so, its messages take the way inside a node
JSON_METADATA = "application/json"


@dataclass
class World:
    """A network whose SAEs are outside, and all that was answered, by request."""

    blueprint: Blueprint = field(default_factory=lambda: read_network("star6"))
    seed: int = 1
    face: Scripted = field(default_factory=Scripted)
    asked: int = 0

    def __post_init__(self) -> None:
        self.simulation = Simulation(self.seed, latency_of(self.blueprint), keep_records=True)
        for name, make in elements(self.blueprint, self.simulation, Plugins(), customers=standing).items():
            self.simulation.add(name, make)
        self.simulation.add(FACE, lambda: self.face)
        self.simulation.start()

    def wait(self, span: Duration) -> None:
        self.simulation.run(Instant(self.simulation.now + span))

    def tell(self, sae: SaeId, message: Message) -> None:
        self.simulation.inject(self.simulation.now, sae_element(sae), message)

    def open(self, sae: SaeId, peer: SaeId, ksid: Ksid | None = None, qos: StreamQos | None = None) -> str:
        name = self._name()
        wanted = StreamQos(max_bps=8_000, metadata_mimetype=JSON_METADATA, timeout=2_000) if qos is None else qos
        self.tell(sae, OpenStream(name, FACE, sae, peer, ksid, wanted))
        return name

    def get(self, sae: SaeId, ksid: Ksid, index: int | None = None, room: int = 1_024) -> str:
        name = self._name()
        self.tell(sae, GetChunk(name, FACE, sae, ksid, index, room))
        return name

    def close(self, sae: SaeId, ksid: Ksid) -> str:
        name = self._name()
        self.tell(sae, CloseStream(name, FACE, sae, ksid))
        return name

    def answers(self, name: str) -> list[Message]:
        return [message for _, message in self.face.received if getattr(message, "request_id", "") == name]

    def answer(self, name: str) -> Message:
        (message,) = self.answers(name)
        return message

    def outcome(self, name: str) -> StreamAnswered:
        message = self.answer(name)
        assert isinstance(message, StreamAnswered), message
        return message

    def chunk(self, name: str) -> tuple[int, bytes]:
        message = self.answer(name)
        assert isinstance(message, ChunkDelivered), message
        return message.index, octets_of(message.key)

    def together(self, sae: SaeId, peer: SaeId, qos: StreamQos | None = None) -> Ksid:
        """Open a stream at both ends, the first without KSID."""
        first = self.open(sae, peer, qos=qos)
        self.wait(seconds(1))
        ksid = self.outcome(first).ksid
        assert ksid
        second = self.open(peer, sae, ksid)
        self.wait(seconds(2))
        assert self.outcome(second).status == 0, self.outcome(second)
        return ksid

    def outside(self, sae: SaeId) -> Outside:
        machine = self.simulation.machine(sae_element(sae))
        assert isinstance(machine, Outside)
        return machine

    def fetch_all(self, sae: SaeId, ksid: Ksid, indices: Iterable[int | None]) -> dict[int, bytes]:
        names = [self.get(sae, ksid, index) for index in indices]
        self.wait(seconds(5))
        return dict(self.chunk(name) for name in names)

    def _name(self) -> str:
        self.asked += 1
        return f"ask-{self.asked}"
