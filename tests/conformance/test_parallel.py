"""Many at once: no key is given twice, and each slave gets what its master got."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPSConnection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.running import Network
from tests.conformance.speaking import Answer, Sae, ask, keys
from tests.marks import clause, invariant

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
REQUESTS = 200
TRIES = 20
"""Of one request, each of which waits: all of them at once may want more than the links made so far."""
ENDS = ("near-a", "near-b", "far-a", "far-b", "back-a", "back-b", "other-a", "other-b")
"""Masters in both directions of each app, several of them at one key manager."""


@dataclass
class Worker:
    """One of several that act as the same SAE at the same time, each over a connection of its own."""

    master: Sae
    slave: Sae
    shares: list[tuple[int, int]]
    got: list[tuple[str, str]] = field(default_factory=list)
    fetched: list[tuple[str, str]] = field(default_factory=list)

    def run(self) -> None:
        asking, fetching = self.master.connection(), self.slave.connection()
        try:
            for number, size in self.shares:
                target = f"{self.master.path('enc_keys')}?number={number}&size={size}"
                got = keys(persistently(asking, target))
                self.got += got.items()
                for key_id in got:
                    self.fetched += keys(ask(fetching, "GET", f"{self.slave.path('dec_keys')}?key_ID={key_id}")).items()
        finally:
            asking.close()
            fetching.close()


def persistently(connection: HTTPSConnection, target: str) -> Answer:
    """Ask until there is enough key, as an application that minds Retry-After does."""
    for _ in range(TRIES - 1):
        if (answer := ask(connection, "GET", target)).status != 503:
            return answer
    return ask(connection, "GET", target)


def workers(line: Network, dice: random.Random) -> Iterator[Worker]:
    each = 5
    for index in range(REQUESTS // each):
        master = line.sae(ENDS[index % len(ENDS)])
        shares = [(dice.randint(1, 4), dice.choice((64, 128, 256, 256, 512))) for _ in range(each)]
        yield Worker(master, line.sae(master.peer), shares)


@pytest.mark.slow
@clause(DOCUMENT, "5.2")
@invariant("K1")
@invariant("K2")
@settings(max_examples=2, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_two_hundred_requests_at_once_share_no_key(line: Network, seed: int) -> None:
    crowd = list(workers(line, random.Random(seed)))
    with ThreadPoolExecutor(len(crowd)) as pool:
        for done in [pool.submit(worker.run) for worker in crowd]:
            done.result()
    for worker in crowd:
        assert worker.fetched == worker.got
    given_out = [pair for worker in crowd for pair in worker.got]
    assert len(given_out) >= REQUESTS
    assert max(Counter(key_id for key_id, _ in given_out).values()) == 1
    long = [key for _, key in given_out if len(key) > 12]  # 64 bits may, in principle, be equal by chance
    assert max(Counter(long).values()) == 1


@clause(DOCUMENT, "5.3")
@invariant("K1")
def test_a_key_that_many_fetch_at_once_goes_to_one(line: Network) -> None:
    master, slave = line.sae("far-a"), line.sae("far-b")
    (key_id,) = got = master.take()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: slave.fetching(key_id), range(8)))
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 7}
    assert [keys(answer) for answer in answers if answer.status == 200] == [got]
