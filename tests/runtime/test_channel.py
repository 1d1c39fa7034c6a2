"""Frames between a supervisor and its processes: whole, in order, until the other end is gone."""

from __future__ import annotations

import asyncio
import socket
from typing import TypeAlias

import msgspec
import pytest
import uvloop

from keytwin.runtime import channel as module
from keytwin.runtime.channel import Channel

LONGEST = 10.0


class Number(msgspec.Struct, frozen=True, tag=True):
    """One frame."""

    value: int
    filling: bytes = b""


class Word(msgspec.Struct, frozen=True, tag=True):
    """Another."""

    text: str


Frame: TypeAlias = Number | Word


class End:
    """One end, with all it has heard."""

    def __init__(self) -> None:
        self.heard: list[Frame] = []
        self.gone = asyncio.Event()
        self._more = asyncio.Event()
        self.channel: Channel[Frame, Frame] = Channel(Frame, self._hear, self.gone.set)

    def _hear(self, frame: Frame) -> None:
        self.heard.append(frame)
        self._more.set()

    async def until(self, number: int) -> None:
        async with asyncio.timeout(LONGEST):
            while len(self.heard) < number:
                self._more.clear()
                await self._more.wait()


async def ends() -> tuple[End, End]:
    one, other = End(), End()
    for end, own in zip((one, other), socket.socketpair(), strict=True):
        await end.channel.open(own)
    return one, other


def test_frames_of_all_kinds_and_sizes_come_in_order_both_ways() -> None:
    async def scene() -> None:
        one, other = await ends()
        sent: list[Frame] = [Number(1), Word("two"), Number(3, bytes(1_000_000)), Word(""), *map(Number, range(1_000))]
        for frame in sent:
            one.channel.send(frame)
        other.channel.send(Word("back"))
        await other.until(len(sent))
        await one.until(1)
        assert other.heard == sent
        assert one.heard == [Word("back")]
        one.channel.close()
        await other.gone.wait()

    uvloop.run(scene())


def test_an_end_that_closes_is_noticed_once_what_it_sent_has_come() -> None:
    async def scene() -> None:
        one, other = await ends()
        one.channel.send(Number(1))
        one.channel.close()
        await asyncio.wait_for(other.gone.wait(), LONGEST)
        assert other.heard == [Number(1)]
        other.channel.send(Number(2))  # to nobody, and no error
        other.channel.close()

    uvloop.run(scene())


def test_what_may_be_lost_is_lost_when_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 10_000)

    async def scene() -> None:
        ours, theirs = socket.socketpair()
        one = End()
        await one.channel.open(ours)
        for number in range(100):
            one.channel.send(Number(number, bytes(100_000)), may_be_lost=True)
        one.channel.send(Word("kept"))
        assert 0 < one.channel.lost < 100
        lost, other = one.channel.lost, End()
        await other.channel.open(theirs)
        await other.until(101 - lost)
        assert other.heard[-1] == Word("kept")
        one.channel.close()

    uvloop.run(scene())


def test_half_a_frame_is_none() -> None:
    async def scene() -> None:
        ours, theirs = socket.socketpair()
        one = End()
        await one.channel.open(ours)
        octets = msgspec.msgpack.encode(Number(1))
        frame = module.HEAD.pack(len(octets)) + octets
        theirs.sendall(frame + frame[:-1])
        await one.until(1)
        theirs.close()
        await asyncio.wait_for(one.gone.wait(), LONGEST)
        assert one.heard == [Number(1)]

    uvloop.run(scene())
