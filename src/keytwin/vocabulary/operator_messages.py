"""What an operator, or the timeline of a scenario, does to the elements from outside."""

from __future__ import annotations

from typing import Final

from keytwin.vocabulary.identity import AppId, ElementName, LinkId, NodeId
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.units import Bits, Duration

LEAST_ERROR_RATE: Final = 0.0001
MOST_ERROR_RATE: Final = 0.5  # a coin toss


class CutQuantumChannel(Message, frozen=True, gc=False):
    """To a twin: no light arrives any more."""

    link: LinkId


class AttackQuantumChannel(Message, frozen=True, gc=False):
    """To a twin: from now on somebody tampers with the light, so that each sifted bit is flipped with `error_rate`.

    It is above 0 and at most one half, where nothing is left of what was sent. A new rate replaces the last one.
    """

    link: LinkId
    error_rate: float


class HealQuantumChannel(Message, frozen=True, gc=False):
    """To a twin: the light is back, and nobody tampers with it."""

    link: LinkId


class SetNodeTrust(Message, frozen=True, gc=False):
    """To the controller: a node may, or may no longer, relay keys of others."""

    node: NodeId
    trusted: bool


class StartSession(Message, frozen=True, gc=False):
    """To an emulated SAE: open the session of `app`."""

    app: AppId


class StopSession(Message, frozen=True, gc=False):
    """To an emulated SAE: close the session of `app`."""

    app: AppId


class AskForKeys(Message, frozen=True, gc=False):
    """To an emulated SAE: ask `times` times for `number` keys as master, `every` apart.

    `every` 0 = the next request as soon as the last one is answered. Before the session is open it waits for that.
    """

    app: AppId
    number: int
    size: Bits | None
    times: int
    every: Duration


class CheckHealth(Message, frozen=True, gc=False):
    """To a key manager: show that you can serve a key, which takes chance, a disk that writes and an answer."""

    request_id: RequestId
    reply_to: ElementName


class HealthShown(Message, frozen=True, gc=False):
    """A synthetic key was made, was durable and has been wiped; it has no name, and nobody gets it."""

    request_id: RequestId
    node: NodeId
