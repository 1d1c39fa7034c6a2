"""Z8: whatever one SAE does with what it may, another on the same link gets what it reserved; depletion is bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import pytest

from keytwin.network import simulate
from keytwin.scenario.run import play
from keytwin.service.application import Application
from keytwin.service.key_requests import KeysAnnounced
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import SessionAdmitted
from keytwin.vocabulary.evidence import AppEvidence, Evidence
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.identity import AppId, ElementName, SaeId, sae_element
from keytwin.vocabulary.machine import Effect, Event, Machine, Message
from keytwin.vocabulary.timeline import Action, AskKeys, OpenApp, Scenario, Step
from keytwin.vocabulary.units import Instant, milliseconds, seconds
from tests.files.reading import network
from tests.marks import invariant

GREEDY: Final = 12  # apps of the greedy user; the link has room for some of them
RATE: Final = 512  # bit/s of every session: two keys of 256 bit a second
BURST: Final = 4_096  # bit
TIME: Final = 90  # seconds that everybody asks for
BEGIN: Final = 20  # seconds: the first blocks have come
HONEST, LATE = AppId("honest"), AppId("late")
APPS: Final = tuple(AppId(f"greedy{number}") for number in range(GREEDY))
NETWORK: Final = """
format: 1
name: shared
defaults: {{link: {{device: generic-decoy-bb84, length: {length} km, loss: 0.2 dB/km}}}}
nodes: {{a: , b: , c: }}
links: [a -- b, b -- c]
slas: {{usual: {{priority: 0, rate: 512 bit/s, burst: 4096 bit}}}}
users: {{fair: {{sla: usual}}, eager: {{sla: usual{quota}}}}}
apps:
  honest: {{user: fair, saes: {{fair-a: a, fair-b: {far}}}}}
  late: {{user: fair, saes: {{late-a: a, late-b: {far}}}}}
{greedy}
"""


def shared(far: str, quota: str = "") -> Blueprint:
    apps = [f"  {app}: {{user: eager, saes: {{g{i}-a: a, g{i}-b: {far}}}}}" for i, app in enumerate(APPS)]
    return network(NETWORK.format(length=82, far=far, quota=quota, greedy="\n".join(apps))).value


@dataclass
class Run:
    """One run: what each app got, who was admitted, and how much every master drew."""

    evidence: Evidence = field(init=False)
    admitted: list[AppId] = field(default_factory=list)
    drawn: dict[ElementName, int] = field(default_factory=dict)

    def hear(self, at: Instant, source: ElementName, event: Event) -> None:
        del at, source
        if isinstance(event, SessionAdmitted) and event.app not in self.admitted:
            self.admitted.append(event.app)

    def tap(self, at: Instant, source: ElementName, to: ElementName, message: Message) -> None:
        del at, source
        if isinstance(message, KeyDelivered):
            self.drawn[to] = self.drawn.get(to, 0) + sum(key.material.size for key in message.keys)

    @property
    def honest(self) -> AppEvidence:
        return next(app for app in self.evidence.apps if app.app == HONEST)


class Hoarder(Application):
    """An SAE that never fetches what its peer has for both: it stays with the key manager until it expires."""

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        return [] if isinstance(message, KeysAnnounced) else super().receive(message, now)


def ran(blueprint: Blueprint, *greed: tuple[float, Action], hoards: bool = False) -> Run:
    """Let the honest app ask for what it has reserved, with what others do meanwhile."""
    asking = AskKeys(HONEST, times=2 * TIME, every=milliseconds(500))
    steps = [(0.0, OpenApp(HONEST)), (float(BEGIN), asking), *greed]
    timed = tuple(Step(Instant(round(at * 10**9)), action) for at, action in sorted(steps, key=lambda step: step[0]))
    simulation, run = simulate(blueprint, 3), Run()
    simulation.wires.tap(run.tap)
    for name, host in simulation.hosts.items() if hoards else ():
        if name.startswith("sae/g"):
            host.make = partial(_hoarder, host.make)
    run.evidence = play(Scenario("greed", blueprint, seconds(BEGIN + TIME + 20), steps=timed), simulation, [run.hear])
    return run


def _hoarder(make: Callable[[], Machine] | None) -> Machine:
    assert make
    machine = make()
    machine.__class__ = Hoarder
    return machine


def greed() -> list[tuple[float, Action]]:
    """Open all that one has, and ask for as much as a request takes, ten times a second, at both ends."""
    steps: list[tuple[float, Action]] = []
    for app in APPS:
        asking = AskKeys(app, number=16, times=10 * TIME, every=milliseconds(100), masters="both")
        steps += [(1.0, OpenApp(app)), (float(BEGIN), asking)]
    return steps


def drawn_by(run: Run, app: AppId) -> int:
    """Return how many bits an app's two ends were handed as masters: what they fetched does not count."""
    return sum(run.drawn.get(sae_element(SaeId(f"g{app.removeprefix('greedy')}-{end}")), 0) for end in "ab")


@invariant("Z8")
@pytest.mark.parametrize("far", ["b", "c"], ids=["one-link", "relayed"])
@pytest.mark.parametrize("hoards", [False, True], ids=["fetching", "hoarding"])
def test_z8_an_honest_app_gets_its_share_whatever_a_greedy_one_does(far: str, *, hoards: bool) -> None:
    blueprint = shared(far)
    alone, beside = ran(blueprint), ran(blueprint, *greed(), hoards=hoards)
    greedy = [app for app in beside.admitted if app != HONEST]
    assert 1 <= len(greedy) < GREEDY, "there is greed, and more of it than the link bears"
    for run in (alone, beside):
        assert run.honest.pairs == run.honest.equal == 2 * TIME
        assert run.honest.refused == run.honest.unanswered == run.honest.throttled == 0
        assert run.honest.wait_p99 is not None
        assert run.honest.wait_p99 < milliseconds(50)
    assert not any(drawn_by(beside, app) for app in set(APPS) - set(greedy)), "who was not admitted got nothing"
    # Half of what both ends are handed, where they fetch: each key is handed out twice.
    drawn = [drawn_by(beside, app) // (1 if hoards else 2) for app in greedy]
    assert max(drawn) > RATE * TIME, "they do take what they may"
    assert max(drawn) <= BURST + RATE * (TIME + 20), "asking more brings no more than was granted"


@invariant("Z8")
def test_z8_who_comes_last_finds_room_where_a_quota_bounds_who_came_first() -> None:
    """Without one, whoever comes first may reserve the whole link: that is what quotas are for."""
    late = (60.0, OpenApp(LATE))
    for quota, is_admitted in ((", quota: 1024 bit/s", True), ("", False)):
        run = ran(shared("b", quota), *greed(), late)
        assert (LATE in run.admitted) is is_admitted
        assert len([app for app in run.admitted if app in APPS]) == 2 or not quota
        assert run.honest.pairs == 2 * TIME
