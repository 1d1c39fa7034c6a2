"""A network put to the test: every app asks at its rate, something fails in the middle, and the clock is watched.

It begins when every link has had its first block, or its first pass: a need speaks of a network that runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from keytwin.network import model_of, simulate
from keytwin.scenario.run import Listener, run_scenario
from keytwin.scenario.timeline import SETTLING_TIME, at_granted_rate, ready
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.events import BlockPlaced, KeysAnswered, SessionAdmitted
from keytwin.vocabulary.evidence import AppEvidence, Evidence
from keytwin.vocabulary.identity import AppId, ElementName, Ksid
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.medium import Satellite
from keytwin.vocabulary.timeline import Action, AskKeys, CloseApp, Expectations, OpenApp, Scenario, Step
from keytwin.vocabulary.units import START, Duration, Instant, after, hours, in_seconds, seconds

LEAST_HALF: Final = seconds(60)  # before a failure, and after it
MOST_DAYS: Final = 60  # that a trial waits for a clear sky
LEAST_REQUESTS: Final = 10  # of each app in a half, however rarely it asks


@dataclass(frozen=True, slots=True)
class Trial:
    """What is done to a network."""

    scenario: Scenario
    opened: Instant
    """When all apps open and begin to ask."""
    failed: Instant
    """When half of the time is over, and something fails if anything does."""
    ended: Instant
    """When they stop asking."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one app saw. Rates are those of keys answered at their master, in bit/s."""

    app: AppId
    rate: float
    """In the first half, when nothing has failed, from the first key on."""
    rate_after: float
    """In the second half, from the next key on: how long it takes to come is `restoration`."""
    set_up: Duration | None
    """From opening to the first key; None = none came."""
    latency: Duration | None
    """What 99 of 100 requests waited at most, of those answered: the response delay of ITU-T Y.3807."""
    variation: Duration | None
    """How much more that is than what half of them waited."""
    errors: float
    """Keys whose two copies differ, as a share of those received at both ends."""
    losses: float
    """Keys that were refused or never came, as a share of those asked for."""
    availability: float
    """Keys received at both ends and equal, as a share of those asked for."""
    restoration: Duration | None
    """From the middle of the trial to the next key; None = none came."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Numbers of events, counted from 1 as the lines of a trace below its head are."""

    opened: int
    """The first one after the apps opened."""
    failed: int
    """The first one of the second half."""
    total: int


@dataclass(frozen=True, slots=True)
class Trialled:
    """What came of a trial."""

    evidence: Evidence
    apps: tuple[Observed, ...]
    events: Ticks

    def of(self, app: AppId) -> Observed:
        """Return what one app saw; KeyError when there is no such app."""
        for each in self.apps:
            if each.app == app:
                return each
        raise KeyError(app)


def trial_of(
    blueprint: Blueprint,
    failures: Iterable[Action] = (),
    name: str = "trial",
    seed: int | None = None,
    begin: Instant | None = None,
) -> Trial:
    """Return a trial in which all apps ask at their granted rate, and `failures` happen at once in the middle.

    It begins at `begin`, or as soon as every link would have key under a clear sky.
    """
    asking = {app.id: at_granted_rate(app, blueprint) for app in blueprint.apps}
    # As long before as after: the halves are compared.
    half = max(LEAST_HALF, *(LEAST_REQUESTS * each.every for each in asking.values()))
    opened = after(stocked(blueprint) if begin is None else begin, SETTLING_TIME)
    failed, ended = after(opened, half), after(opened, 2 * half)
    # Answers to the last requests may come a little later, and count.
    closed = after(ended, SETTLING_TIME)
    # All at once, as a need speaks of all pairs together.
    steps = [Step(opened, OpenApp(app)) for app in asking]
    steps += [Step(opened, _for(each, Duration(2 * half))) for each in asking.values()]
    steps += [Step(failed, failure) for failure in failures]
    steps += [Step(closed, CloseApp(app)) for app in asking]
    scenario = Scenario(
        name=f"{blueprint.name}-{name}",
        seed=seed,
        blueprint=blueprint,
        duration=Duration(after(closed, SETTLING_TIME)),
        about="All apps ask at their granted rate; what fails does so in the middle",
        steps=tuple(steps),
        expect=Expectations(sessions_end=True),
    )
    return Trial(scenario, opened, failed, ended)


def run_trial(trial: Trial, seed: int, listeners: Iterable[Listener] = ()) -> Trialled:
    """Run a trial in virtual time; equal seeds give equal outcomes. `listeners` hear every event."""
    clock = _Clock(trial)
    evidence = run_scenario(trial.scenario, seed, [clock.see, *listeners])
    ticks = Ticks(clock.before_opening + 1, clock.before_failing + 1, clock.seen)
    return Trialled(evidence, tuple(_observed(trial, app, clock) for app in evidence.apps), ticks)


@dataclass(slots=True)
class _Clock:
    """Takes down when each app got keys as master, and counts what it hears."""

    trial: Trial
    seen: int = 0
    before_opening: int = 0
    before_failing: int = 0
    apps: dict[Ksid, AppId] = field(default_factory=dict)
    answers: dict[AppId, list[tuple[Instant, int]]] = field(default_factory=dict)

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        del element
        self.seen += 1
        # Events come in the order of time, so each of these stops growing at its hour.
        self.before_opening += at < self.trial.opened
        self.before_failing += at < self.trial.failed
        match event:
            case SessionAdmitted():
                self.apps[event.ksid] = event.app
            case KeysAnswered(is_master=True):
                self.answers.setdefault(self.apps[event.ksid], []).append((at, len(event.key_ids)))
            case _:
                pass


def _observed(trial: Trial, app: AppEvidence, clock: _Clock) -> Observed:
    answers = clock.answers.get(app.app, [])
    first = min((at for at, _ in answers), default=None)
    # Not from the moment that a route is found: what the stakeholder waits for is a key.
    following = min((at for at, _ in answers if at >= trial.failed), default=None)

    def rate(start: Instant | None, end: Instant) -> float:
        # From a key on: of requests at equal distances as many fall into what follows as the rate says.
        if start is None or start >= end:
            return 0.0
        # Keys and not requests: an app that asks for several at once is no slower.
        keys = sum(number for at, number in answers if start <= at < end)
        return keys * app.key_size / in_seconds(end - start)

    return Observed(
        app=app.app,
        rate=rate(first, trial.failed),
        rate_after=rate(following, trial.ended),
        set_up=None if first is None else Duration(first - trial.opened),
        latency=app.wait_p99,
        variation=_more(app.wait_p99, app.wait_median),
        errors=1.0 - app.equal / app.pairs if app.pairs else 0.0,
        losses=(app.refused + app.unanswered) / app.asked if app.asked else 0.0,
        availability=app.equal / app.asked if app.asked else 0.0,
        restoration=None if following is None else Duration(following - trial.failed),
    )


def _more(most: Duration | None, median: Duration | None) -> Duration | None:
    return None if most is None or median is None else Duration(most - median)


def _for(asking: AskKeys, span: Duration) -> AskKeys:
    """Go on asking for so long."""
    # Rounded up: the last request falls into what is watched, or the rate would seem to sink at its end.
    return structs.replace(asking, times=-(-span // asking.every))


def stocked(blueprint: Blueprint, seed: int | None = None) -> Instant:
    """Return when the slowest link has made a block, after its first pass where it waits for one.

    With a seed the weather is known, and a pass has to be a clear one. Mistake when there is none for MOST_DAYS.
    """
    blocks = [model_of(blueprint, link).block_time for link in blueprint.topology.links]
    surely = Instant(max(ready(blueprint), *blocks))
    return surely if seed is None or not _clouded(blueprint) else max(surely, _cleared(blueprint, seed))


def _clouded(blueprint: Blueprint) -> bool:
    settings = [link.setting for link in blueprint.topology.links]
    return any(isinstance(setting, Satellite) and setting.clear > 0 for setting in settings)


def _cleared(blueprint: Blueprint, seed: int) -> Instant:
    """Return when both ends of every link have a first block, as the weather of this seed has it."""
    simulation = simulate(blueprint, seed)
    waited = {(link.id, node): True for link in blueprint.topology.links for node in link.ends}
    last = [START]

    def see(at: Instant, element: ElementName, event: Event) -> None:
        del element
        if isinstance(event, BlockPlaced) and waited.pop((event.link, event.node), False):
            last[0] = at

    simulation.subscribe(see)
    simulation.start()
    # Apps change nothing about the sky: each twin draws from its own chance.
    for hour in range(1, 24 * MOST_DAYS + 1):
        simulation.run(after(START, hours(hour)))
        if not waited:
            return last[0]
    dark = ", ".join(sorted({str(link) for link, _ in waited}))
    raise Mistake(f"no clear pass in {MOST_DAYS} days over {dark}: give it a clearer sky, or another seed")
