"""Requests that must get nothing, sent in the midst of the others; and what every answer must hold.

A request for a key that is there and one that is not is refused and consumes nothing; so is one by an SAE of another
app. The keys are fetched by their owner afterwards, and counted like all others.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_oracles import Broken
from keytwin.vocabulary.blueprint import App, Blueprint
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered
from keytwin.vocabulary.identity import ElementName, KeyId, NodeId, SaeId, km_of
from keytwin.vocabulary.machine import Message, RequestId

SHARE: Final = 0.1  # of the answers to masters that an intruder learns of
MOST_TRIES: Final = 20
PARTIAL, FOREIGN = "intruder/partial/", "intruder/foreign/"
NO_KEY: Final = KeyId("00000000-0000-4000-8000-000000000000")


@dataclass
class Intruder:
    """K4: no SAE gets keys of others. K8: all keys that were asked for, or none. K9: what is refused consumes nothing.

    An intruder acts at the instant at which a master is answered, ahead of the slave.
    """

    simulation: Simulation
    blueprint: Blueprint
    dice: random.Random
    numbers: dict[str, int] = field(default_factory=dict)  # request -> keys
    names: dict[str, tuple[KeyId, ...]] = field(default_factory=dict)
    tries: int = 0
    ends: Mapping[SaeId, tuple[App, SaeId, NodeId]] = field(init=False)  # SAE -> app, its peer, and where that is

    def __post_init__(self) -> None:
        pairs = [(app, *ends) for app in self.blueprint.apps for ends in (app.ends, app.ends[::-1])]
        self.ends = {here.sae: (app, there.sae, there.node) for app, here, there in pairs}

    def see(self, to: ElementName, message: Message) -> None:
        """Note what is asked for, and hold answers against it."""
        match message:
            case GetKey():
                self.numbers[message.request_id] = message.number
            case GetKeyById():
                self.names[message.request_id] = message.key_ids
            case KeyDelivered():
                self._check(message)
                if message.request_id in self.numbers and self.tries < MOST_TRIES and self.dice.random() < SHARE:
                    self._intrude(SaeId(to.removeprefix("sae/")), tuple(key.key_id for key in message.keys))
            case _:
                pass

    def _check(self, message: KeyDelivered) -> None:
        request, got = message.request_id, tuple(key.key_id for key in message.keys)
        if request.startswith(FOREIGN):
            raise Broken(f"K4: an SAE of another app was handed {got}")
        if request.startswith(PARTIAL):
            raise Broken(f"K8: a request for a key that is not there was answered with {got}")
        if self.numbers.get(request, len(got)) != len(got):
            raise Broken(f"K8: {self.numbers[request]} keys were asked for, and {len(got)} handed out")
        if self.names.get(request, got) != got:
            raise Broken(f"K8: other keys than asked for were handed out: {got}")

    def _intrude(self, master: SaeId, key_ids: tuple[KeyId, ...]) -> None:
        self.tries += 1
        app, slave, node = self.ends[master]
        strangers = [sae for sae, (other, _, _) in self.ends.items() if other.id != app.id]
        asks = [(PARTIAL, slave, (*key_ids, NO_KEY))]
        if strangers:
            asks.append((FOREIGN, self.dice.choice(strangers), key_ids))
        for kind, sae, wanted in asks:
            request = GetKeyById(RequestId(f"{kind}{self.tries}"), ElementName(f"sae/{sae}"), sae, wanted)
            self.simulation.at(self.simulation.now, partial(self._ask, node, request))

    def _ask(self, node: NodeId, request: GetKeyById) -> None:
        self.simulation.inject(self.simulation.now, km_of(node), request)
