"""GET_KEY of ETSI GS QKD 004 on a live network: 256 bit, one client that waits for each answer, JSON and binary."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterable
from http.client import HTTPSConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

from benchmarks.live_benchmark import DISK
from benchmarks.live_load import HOST, End, Target
from benchmarks.live_server import BINARY
from benchmarks.live_servers import Servers
from benchmarks.table import Row
from tests.fakes.binary_client import BinaryClient, get_frame

CHUNKS: Final = 2_000  # in each round
ROUNDS: Final = 3
WARM_UP: Final = 100
FILLING: Final = 12.0  # seconds until the pool of a stream is full
QUBIP: Final = "QUBIP 78/s"
MUST, AIM = 1_000.0, 5_000.0
APP: Final = "bulk"


def rows() -> Iterable[Row]:
    """Measure."""
    with TemporaryDirectory(dir=DISK) as folder, Servers(Path(folder)) as servers:
        target = servers.keytwin()[APP]
        for name, getter in (("JSON", by_json), ("binary", by_frames)):
            rates = []
            for _ in range(ROUNDS):
                ksid = opened(target)
                get = getter(target, ksid)
                time.sleep(FILLING)
                rates.append(rate_of(get))
                closed(target, ksid)
            yield Row(f"004 GET_KEY 256 bit, 1 client, {name}", median(rates), "/s", QUBIP, MUST, AIM)


def rate_of(get: Callable[[], None]) -> float:
    """Return how many chunks a second come, after some that do not count."""
    for _ in range(WARM_UP):
        get()
    start = time.perf_counter()
    for _ in range(CHUNKS):
        get()
    return CHUNKS / (time.perf_counter() - start)


def opened(target: Target) -> str:
    """Open a stream at both ends."""
    first, second = target.ends
    ends = {"source": f"qkd:{first.sae}", "destination": f"qkd:{second.sae}", "qos": {"max_bps": 2_000_000}}
    ksid = None
    for end, wanted in ((first, 1), (second, 0)):
        told = call(connection(target, end), "open_connect", {**ends, "key_stream_id": ksid})
        assert told["status"] == wanted, told
        ksid = str(told["key_stream_id"])
    assert ksid
    return ksid


def closed(target: Target, ksid: str) -> None:
    """Close it at both."""
    for end in target.ends:
        call(connection(target, end), "close", {"key_stream_id": ksid})


def by_json(target: Target, ksid: str) -> Callable[[], None]:
    """Return what gets one chunk over one connection, in JSON."""
    made = connection(target, target.ends[0])

    def get() -> None:
        assert call(made, "get_key", {"key_stream_id": ksid})["status"] == 0

    return get


def by_frames(target: Target, ksid: str) -> Callable[[], None]:
    """Return what gets one chunk over one connection, in frames."""
    end = target.ends[0]
    # Of the plan: the operator's port, then two a node; `end` is of the first node.
    made = BinaryClient((HOST, end.port - 1 + BINARY), context(target, end))
    frame = get_frame(UUID(ksid).bytes)

    def get() -> None:
        assert made.ask(frame).status == 0

    return get


def call(made: HTTPSConnection, function: str, body: object) -> dict[str, object]:
    """Call one function of the JSON binding."""
    made.request("POST", f"/qkd/004/v2/{function}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    response = made.getresponse()
    octets = response.read()
    assert response.status == 200, octets
    told: dict[str, object] = json.loads(octets)
    return told


def connection(target: Target, end: End) -> HTTPSConnection:
    """Return a connection that stays open."""
    return HTTPSConnection(HOST, end.port, timeout=30, context=context(target, end))


def context(target: Target, end: End) -> ssl.SSLContext:
    """Return what an SAE shows and trusts."""
    made = ssl.create_default_context(cafile=target.ca)
    made.load_cert_chain(end.certificate, end.key)
    return made
