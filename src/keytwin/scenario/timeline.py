"""What a step of a timeline means to the elements, and the timeline of a network that comes without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keytwin.quantum.channel import channel_of
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import AppId, ElementName, sae_element, twin_of
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.medium import SATELLITE
from keytwin.vocabulary.operator_messages import (
    AskForKeys,
    AttackQuantumChannel,
    CutQuantumChannel,
    HealQuantumChannel,
    SetNodeTrust,
    StartSession,
    StopSession,
)
from keytwin.vocabulary.timeline import (
    Action,
    AskKeys,
    AttackLink,
    CloseApp,
    CutLink,
    DistrustNode,
    Expectations,
    HealLink,
    OpenApp,
    Scenario,
    Step,
)
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND, START, Bits, Duration, Instant, after, seconds

ASKING_TIME: Final = seconds(60)  # how long the apps of a bare network ask
SETTLING_TIME: Final = seconds(10)  # for the last answers, and again for closing
REQUESTS_PER_SECOND: Final = 4  # of one app, before a request asks for more than one key
MOST_PER_REQUEST: Final = 64  # keys; one relay message carries as many
MASTERS: Final = ("first", "second", "both")

Order = tuple[ElementName, Message]


def orders(action: Action, blueprint: Blueprint) -> Iterator[Order]:
    """Give what is told to whom; nothing for an action on the runtime itself, such as stopping an element."""
    match action:
        case OpenApp(app=app):
            for end in _app(app, blueprint).ends:
                yield sae_element(end.sae), StartSession(app)
        case CloseApp(app=app):
            yield sae_element(_app(app, blueprint).ends[0].sae), StopSession(app)
        case AskKeys():
            asking = AskForKeys(action.app, action.number, action.size, action.times, action.every)
            for end in _masters(action.masters, _app(action.app, blueprint)):
                yield sae_element(end.sae), asking
        case CutLink(link=link):
            yield twin_of(link), CutQuantumChannel(link)
        case AttackLink(link=link, error_rate=rate):
            yield twin_of(link), AttackQuantumChannel(link, rate)
        case HealLink(link=link):
            yield twin_of(link), HealQuantumChannel(link)
        case DistrustNode(node=node):
            yield blueprint.seat.at(node).controller, SetNodeTrust(node, trusted=False)
        case _:
            return


def bare(blueprint: Blueprint) -> Scenario:
    """Return the timeline of a network without one: every app opens and asks for 60 s at its granted rate.

    It does so at 0 s, or when each satellite has made its first pass: before, there is no key.
    """
    if not blueprint.apps:
        raise Mistake(f"network {blueprint.name!r} has no apps, so nobody would ask for a key: add some under 'apps:'")
    start = ready(blueprint)
    closing = after(start, ASKING_TIME + SETTLING_TIME)
    opening = tuple(Step(start, OpenApp(app.id)) for app in blueprint.apps)
    asking = tuple(Step(start, at_granted_rate(app, blueprint)) for app in blueprint.apps)
    ending = tuple(Step(closing, CloseApp(app.id)) for app in blueprint.apps)
    return Scenario(
        name=blueprint.name,
        blueprint=blueprint,
        duration=Duration(closing + SETTLING_TIME),
        about=blueprint.about,
        steps=opening + asking + ending,
        expect=Expectations(sessions_end=True, keys_for_all=True),
    )


def ready(blueprint: Blueprint) -> Instant:
    """Return when every link that waits for passes has had one."""
    schedules = [channel_of(link).schedule for link in blueprint.topology.links if link.medium == SATELLITE]
    passes = [schedule.ready for schedule in schedules if schedule is not None]
    return after(max(passes), SETTLING_TIME) if passes else START


def at_granted_rate(app: App, blueprint: Blueprint) -> AskKeys:
    """Return requests of whole keys that add up to the rate of the app's service level, never above its burst."""
    sla, size = blueprint.sla_of(app), blueprint.key_management.key_size
    if sla.burst < size:
        raise Mistake(f"service level {sla.id!r} allows a burst of {sla.burst} bit, less than one key of {size} bit")
    # Rounded up where it makes requests rarer, so that the bucket never runs dry because of rounding.
    wanted = -(-sla.rate // (size * REQUESTS_PER_SECOND))
    number = max(1, min(wanted, MOST_PER_REQUEST, sla.burst // size))
    every = Duration(-(-number * size * NANOSECONDS_PER_SECOND // sla.rate))
    return AskKeys(app.id, number=number, times=max(1, ASKING_TIME // every), every=every)


def both_at_once(blueprint: Blueprint, pairs: int) -> Scenario:
    """Return the timeline in which each app gets `pairs` keys, both its ends asking for half of them at once."""
    if pairs < 2 or pairs % 2:
        raise Mistake(f"{pairs} keys cannot be shared by both ends of an app: choose an even number from 2 on")
    size = blueprint.key_management.key_size
    # One bucket serves both ends, so the slowest app needs as long as if one end asked for everything.
    steps: list[Step] = []
    longest = Duration(0)
    for app in blueprint.apps:
        sla = blueprint.sla_of(app)
        number = max(1, min(MOST_PER_REQUEST // 2, sla.burst // size))
        steps.append(Step(START, OpenApp(app.id)))
        for each, times in ((number, pairs // 2 // number), (pairs // 2 % number, 1)):
            steps += [Step(START, AskKeys(app.id, each, None, times, masters="both"))] if each and times else []
        longest = max(longest, _time_of(Bits(pairs * size), sla.rate))
    closing = Instant(longest + 3 * SETTLING_TIME)
    steps += [Step(closing, CloseApp(app.id)) for app in blueprint.apps]
    return Scenario(
        name=blueprint.name,
        blueprint=blueprint,
        duration=Duration(closing + SETTLING_TIME),
        about=f"{pairs:,} keys for each app, both ends as master at once",
        steps=tuple(steps),
        expect=Expectations(keys=pairs * len(blueprint.apps), sessions_end=True),
    )


def _time_of(amount: Bits, rate: int) -> Duration:
    return Duration(-(-amount * NANOSECONDS_PER_SECOND // rate))


def _app(wanted: AppId, blueprint: Blueprint) -> App:
    for app in blueprint.apps:
        if app.id == wanted:
            return app
    raise Mistake(f"network {blueprint.name!r} has no app {wanted!r}")


def _masters(masters: str, app: App) -> tuple[Endpoint, ...]:
    if masters not in MASTERS:
        raise Mistake(f"masters: {masters!r} is none of {', '.join(MASTERS)}")
    return {"first": app.ends[:1], "second": app.ends[1:], "both": app.ends}[masters]
