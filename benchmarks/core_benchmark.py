"""Messages a second of the simulation: two machines that play ball, plain, and with a timer and a Save at each hit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from benchmarks.table import Row, best_rate
from keytwin.runtime.simulation import Simulation
from keytwin.runtime.trace import TraceWriter
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Effect, Machine, Message, Publish, Record, Save, Send, StartTimer
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import Duration, Instant, milliseconds, minutes, seconds

ANN, BEN = ElementName("km/ann"), ElementName("km/ben")
BALLS = 16  # in the air at once, from each side
GAME = seconds(6)
SIMPY = "simpy: 309,000 events/s, once measured on 2 cores"


class Ball(Message, frozen=True, gc=False):
    """What is played."""

    number: int


class Tired(Message, frozen=True, gc=False):
    """Nobody played for long."""


class Hit(Record, frozen=True, gc=False):
    """A ball was hit."""

    number: int


class Player:
    """Plays every ball back."""

    def __init__(self, other: ElementName) -> None:
        self.other = other

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        """Serve."""
        del records, now
        return [Send(self.other, Ball(number)) for number in range(BALLS)]

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Play back."""
        del now
        assert isinstance(message, Ball)
        return [Send(self.other, Ball(message.number + 1))]


class CarefulPlayer(Player):
    """Restarts a time-out and saves each hit before it plays back."""

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Play back, once the hit is durable."""
        del now
        assert isinstance(message, Ball)
        again = Send(self.other, Ball(message.number + 1))
        return [StartTimer("tired", minutes(1), Tired()), Save(Hit(message.number)), again]


class TalkingPlayer(Player):
    """Publishes each hit."""

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Play back and say so."""
        del now
        assert isinstance(message, Ball)
        return [Publish(ViolationSeen("hit", "ball")), Send(self.other, Ball(message.number + 1))]


class Nowhere:
    """A stream that forgets."""

    def write(self, octets: bytes) -> int:
        """Take octets."""
        return len(octets)


def latency(source: ElementName, target: ElementName) -> Duration:
    """Return a millisecond for any pair."""
    del source, target
    return milliseconds(1)


def game(player: Callable[[ElementName], Machine], *, keep_records: bool = False) -> Simulation:
    """Set up two players."""
    simulation = Simulation(1, latency, keep_records=keep_records)
    simulation.add(ANN, partial(player, BEN))
    simulation.add(BEN, partial(player, ANN))
    return simulation


def crowd() -> Simulation:
    """Set up a game of a thousand pairs, each with many balls: the heap is large."""
    simulation = Simulation(1, lambda _, __: milliseconds(1000))
    for number in range(1000):
        one, two = ElementName(f"km/{number}-a"), ElementName(f"km/{number}-b")
        simulation.add(one, partial(Player, two))
        simulation.add(two, partial(Player, one))
    return simulation


def play(set_up: Callable[[], Simulation]) -> float:
    """Play a game; return how many messages were received."""
    simulation = set_up()
    simulation.start()
    simulation.run(Instant(GAME))
    return simulation.messages


def disturbed() -> Simulation:
    """Set up a game with faults that are drawn for each message but lose none."""
    simulation = game(Player)
    simulation.disturb(MessageFaults(delay=milliseconds(1)))
    return simulation


def traced() -> Simulation:
    """Set up a game of which each hit goes to a trace."""
    simulation = game(TalkingPlayer)
    simulation.subscribe(TraceWriter(Nowhere(), "game", 1))  # type: ignore[arg-type]  # only its `write` is used
    return simulation


def rows() -> Iterable[Row]:
    """Measure."""
    figures: list[tuple[str, Callable[[], Simulation], float | None, float | None, str]] = [
        ("core: plain messages", partial(game, Player), 150_000, 400_000, SIMPY),
        ("core: plain, 2,000 elements", crowd, None, None, ""),
        ("core: timer and Save each", partial(game, CarefulPlayer), 150_000, 300_000, ""),
        ("core: the same, records kept", partial(game, CarefulPlayer, keep_records=True), None, None, ""),
        ("core: with message faults", disturbed, None, None, ""),
        ("core: an event each, traced", traced, None, None, ""),
    ]
    for name, set_up, must, aim, reference in figures:
        yield Row(name, best_rate(partial(play, set_up)), "messages/s", reference, must, aim)
