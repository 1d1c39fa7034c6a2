"""A scenario: what happens to a network when, and what is expected of the run."""

from __future__ import annotations

import msgspec

from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import AppId, ElementName, LinkId, NodeId
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds


class Action(msgspec.Struct, frozen=True, tag=True):
    """One thing that is done to the running network from outside."""


class OpenApp(Action, frozen=True):
    """Both SAEs of an app open a session with each other."""

    app: AppId


class CloseApp(Action, frozen=True):
    """The app's first SAE closes the session."""

    app: AppId


class AskKeys(Action, frozen=True):
    """SAEs of an app ask for keys as master, `times` times, `every` apart; `number` keys of `size` each time.

    `masters` says which ends ask: "first" (the SAE named first), "second" or "both". `size` None = the session's
    default. `every` 0 = the next request as soon as the last one is answered.
    """

    app: AppId
    number: int = 1
    size: Bits | None = None
    times: int = 1
    every: Duration = Duration(0)
    masters: str = "first"


class CutLink(Action, frozen=True):
    """The quantum channel of a link goes dark."""

    link: LinkId


class AttackLink(Action, frozen=True):
    """Somebody tampers with the light of a link: each sifted bit is flipped with probability `error_rate`.

    The error rate e that both ends see becomes e + error_rate (1 - 2 e), in all bases: as an eavesdropper causes it who
    measures and resends four times that share of the pulses of BB84.
    """

    link: LinkId
    error_rate: float


class HealLink(Action, frozen=True):
    """The quantum channel of a link works again: what was cut is whole, who tampered with it is gone."""

    link: LinkId


class DistrustNode(Action, frozen=True):
    """The operator no longer trusts a node: no session may be relayed through it."""

    node: NodeId


class StopElement(Action, frozen=True):
    """An element stops: messages to it are lost, what it had not saved is forgotten."""

    element: ElementName


class RestartElement(Action, frozen=True):
    """A stopped element comes back with what it had saved."""

    element: ElementName


class MessageFaults(Action, frozen=True):
    """From now on, for `lasting`, messages between elements suffer: each number is a probability from 0 to 1.

    A delayed message waits up to `delay` longer, so it may be overtaken. SAEs and timers are spared.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    delay: Duration = Duration(0)
    lasting: Duration = seconds(0)  # 0 = until the end of the run


class Step(msgspec.Struct, frozen=True):
    """An action and when it is done."""

    at: Instant
    action: Action


class Expectations(msgspec.Struct, frozen=True):
    """What must be true after the run; None and () say nothing."""

    keys_equal: bool = True
    keys: int | None = None  # pairs of keys received at both ends, over all apps
    answered_last: AppId | None = None
    sessions_end: bool = False  # every session has ended and nothing is reserved anywhere
    keys_for_all: bool = False  # no app is left without a key


class Scenario(msgspec.Struct, frozen=True):
    """A network, its timeline and the expectations."""

    name: str
    blueprint: Blueprint
    duration: Duration
    about: str = ""
    seed: int | None = None
    steps: tuple[Step, ...] = ()
    expect: Expectations = Expectations()
