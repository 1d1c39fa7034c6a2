"""Keys that were handed out stand nowhere but in the two answers: not in state, log, events, metrics or frames."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conformance.running import Network
from tests.marks import invariant
from tests.operation.live import network, on_uvloop, settings, up
from tests.operation.test_restart import taken
from tests.process_memory import memory, stopped

MOST_EVENTS = 1_000


def spellings(key: bytes) -> Iterator[bytes]:
    """Give a key in each form in which it might be written down: whole, and in halves that a line break would leave."""
    for part in (key, key[: len(key) // 2], key[len(key) // 2 :]):
        yield part
        yield part.hex().encode()
        yield part.hex().upper().encode()
        yield repr(part)[2:-1].encode()
        yield json.dumps(list(part)).encode()
        yield json.dumps(list(part), separators=(",", ":")).encode()
        yield str(int.from_bytes(part, "big")).encode()
        for offset in range(3):  # base64 of something longer that has the key in it, at each alignment
            written = base64.b64encode(b"\0" * offset + part)
            yield written[offset + bool(offset) : -4]
            yield base64.urlsafe_b64encode(b"\0" * offset + part)[offset + bool(offset) : -4]


def outputs(running: Network) -> Iterator[tuple[str, bytes]]:
    """Give all that a network writes or tells, but for answers to SAEs."""
    yield "log", running.log.read_bytes()
    for path in sorted(running.state.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(running.state)), path.read_bytes()
    for target in ("/v1/status", "/metrics"):
        yield target, running.operator("GET", target)
    after = 0
    while True:
        page = running.operator("GET", f"/v1/events?after={after}&limit={MOST_EVENTS}")
        yield f"events after {after}", page
        told = json.loads(page)
        if not told["events"]:
            return
        after = told["events"][-1]["number"]


def found(written: Iterable[tuple[str, bytes]], keys: Iterable[bytes]) -> list[str]:
    """Name what has one of the keys in it."""
    wanted = {spelling for key in keys for spelling in spellings(key)}
    assert all(len(spelling) >= 12 for spelling in wanted)
    return [name for name, octets in written if any(each in octets for each in wanted)]


def test_the_search_finds_what_is_there() -> None:
    """A key in the middle of something longer, in base64: what the search is for."""
    key = bytes(range(100, 132))
    for before in range(3):
        longer = base64.b64encode(b"x" * before + key + b"yz")
        assert found([("longer", longer)], [key]) == ["longer"]


@pytest.mark.slow
@invariant("Z5")
@invariant("K5")
def test_z5_no_key_stands_anywhere_but_in_its_answers(line: Network) -> None:
    """Keys that were fetched, keys that wait for their slave, of one hop and two, also those of another size."""
    got: list[bytes] = []
    for name, size in (("near", 256), ("far", 256), ("near", 512), ("far", 192)):
        master, slave = line.sae(f"{name}-a"), line.sae(f"{name}-b")
        fetched, waiting = master.take(2, size), master.take(2, size)
        assert slave.fetch(*fetched) == fetched
        got += [base64.b64decode(key) for key in (*fetched.values(), *waiting.values())]
    assert len(got) == 16
    assert found(outputs(line), got) == []


@invariant("Z5")
def test_z5_no_key_of_a_selfpair_stands_anywhere_but_in_its_answers(selfpair: Network) -> None:
    probe = selfpair.sae("probe")
    fetched, waiting = probe.take(3), probe.take(3)
    assert probe.fetch(*fetched) == fetched
    got = [base64.b64decode(key) for key in (*fetched.values(), *waiting.values())]
    assert found(outputs(selfpair), got) == []


def in_memory(pid: int, keys: Iterable[bytes]) -> list[str]:
    """Name the mappings that have one of the keys in them, whole, raw or in base64 at any alignment."""
    wanted = {spelling for key in keys for spelling in (key, *in_base64(key))}
    with stopped(pid):
        return [f"{line}: {octets.count(each)}" for line, octets in memory(pid) for each in wanted if each in octets]


def in_base64(key: bytes) -> Iterator[bytes]:
    for offset in range(3):
        written = base64.b64encode(b"\0" * offset + key)
        yield written[offset + bool(offset) : -4]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="a live network closes its memory to other processes of its user")
@invariant("K5")
@invariant("Z5")
def test_k5_a_key_is_gone_from_the_memory_of_the_network_once_both_ends_have_it(line: Network) -> None:
    """Of one hop and of two. Keys that wait for their slave are found, so that the search is known to search."""
    pid = line.told.pid
    got: list[bytes] = []
    for name in ("near", "far"):
        master, slave = line.sae(f"{name}-a"), line.sae(f"{name}-b")
        taken = master.take(3, 256)
        waiting = [base64.b64decode(key) for key in taken.values()]
        assert in_memory(pid, waiting), "what waits for its slave is there"
        assert slave.fetch(*taken) == taken
        got += waiting
        assert slave.status()["stored_key_count"], "asked again: the turn in which the keys were answered is over"
    assert in_memory(pid, got) == []


@pytest.mark.slow
@invariant("Z5")
def test_z5_no_key_stands_in_the_clear_in_a_frame_between_key_managers(tmp_path: Path) -> None:
    """What is inside TLS: keys of one hop are named and not sent, keys of two are under one-time pad."""
    frames: list[tuple[str, bytes]] = []

    async def body() -> list[bytes]:
        async with up(settings(network("star6"), tmp_path / "state", speed=5.0)) as office:
            office.network.streams.taps.append(
                lambda source, target, frame: frames.append((f"{source} to {target}", bytes(frame)))
            )
            return [key for app in ("app23", "app01") for key in (await taken(office, app, 3)).values()]

    keys = on_uvloop(body())
    between = [(name, frame) for name, frame in frames if name.count("km/") == 2]
    assert between
    assert len(keys) == 6
    assert found(between, keys) == []
