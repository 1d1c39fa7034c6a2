"""What a live network takes of memory: the bounds that operators size machines by."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from keytwin.algorithms.identifiers import uuids
from keytwin.keymanagement.pool import Batch, Pool, Shelf
from keytwin.operation.console import Console
from keytwin.operation.whereabouts import find
from keytwin.vocabulary.identity import KeyId, Ksid, SaeId
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.units import Instant
from tests.fakes.ports import free_ports

MEGABYTE: Final = 1_000_000
KEYS: Final = 10_000
BATCH: Final = 64
OCTETS: Final = 32
FULL: Final = 12_000_000  # bits of a direction's 16 Mbit: back-pressure stops a twin before the last block fits
PATIENCE: Final = 180.0  # seconds until stores that are not full never will be


def batch(number: int) -> Batch:
    """Return keys as one relay message brings them."""
    octets = bytearray(number.to_bytes(4, "big") * (BATCH * OCTETS // 4))
    names = [KeyId(name) for name in uuids(os.urandom(16 * BATCH))]
    keys = dict(zip(names, KeyMaterial(octets).split(OCTETS), strict=True))
    return Batch(f"b{number}", Ksid("k"), SaeId("s"), keys, Provenance(Method.RELAYED, 2), Instant(1))


def test_ten_thousand_pooled_keys_take_less_than_twenty_megabytes_at_both_ends_together() -> None:
    pool, shelf = Pool(), Shelf()
    tracemalloc.start()
    try:
        for number in range(KEYS // BATCH + 1):
            pool.add(batch(number))
            shelf.add(batch(number))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pool.ready >= KEYS
    assert held < 20 * MEGABYTE


@pytest.mark.slow
def test_six_nodes_with_full_stores_take_less_than_250_megabytes_and_300_during_a_snapshot(tmp_path: Path) -> None:
    state = tmp_path / "state"
    port = str(free_ports(2 * 6 + 1))
    up = ("up", "star6", "-d", "--speed", "50", "--base-port", port, "--state", str(state))
    command = [sys.executable, "-m", "keytwin"]
    subprocess.run([*command, *up], check=True, capture_output=True, timeout=60)
    try:
        where = find(state, tmp_path)
        console = Console(where)
        assert any(lowest_stock(console) >= FULL for _ in patiently())
        # At 50 times the speed a snapshot is under way most of the time: what it takes for itself goes again.
        assert any(lowest_stock(console) >= FULL and resident(where.run.pid) < 250 * MEGABYTE for _ in patiently())
        assert resident(where.run.pid, "VmHWM:") < 300 * MEGABYTE
    finally:
        subprocess.run([*command, "down", "--state", str(state)], check=True, capture_output=True, timeout=60)


def patiently() -> Iterator[None]:
    """Give a turn after the other, until it would be of no use any more."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        yield


def lowest_stock(console: Console) -> int:
    return min(stock or 0 for link in console.status().links for stock in link.stocks)


def resident(pid: int, field: str = "VmRSS:") -> int:
    """Return what a process has of memory, in octets, or ("VmHWM:") the most that it has had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition(field)[2].split()[0]) * 1024
