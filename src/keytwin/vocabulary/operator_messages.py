"""What an operator, or the timeline of a scenario, does to the elements from outside."""

from __future__ import annotations

from keytwin.vocabulary.identity import AppId, LinkId, NodeId
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.units import Bits, Duration


class CutQuantumChannel(Message, frozen=True, gc=False):
    """To a twin: no light arrives any more."""

    link: LinkId


class HealQuantumChannel(Message, frozen=True, gc=False):
    """To a twin: the light is back."""

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
