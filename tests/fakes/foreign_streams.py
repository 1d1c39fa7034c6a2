"""A key manager of nobody's with key streams: right by ETSI GS QKD 004 in JSON and in frames, until faults come.

The frames are written from their byte counts, as in `binary_client`, and from nothing of keytwin.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid1

from keytwin.operation.conformance_calls import Party, Reply
from keytwin.operation.conformance_stream_calls import BinarySpeaker, Clock, JsonSpeaker, Speaker

JSON: Final = "application/json"
NUMBERS: Final = ("key_chunk_size", "max_bps", "min_bps", "jitter", "priority", "timeout", "ttl")
SAES: Final = ("alice", "bob", "carol")
LARGEST_CHUNK: Final = 4_096
LARGEST_RATE: Final = 1_000_000
FAR: Final = 10_000  # chunks: no more are there in time
LINGERS: Final = 30.0  # seconds for which a fault makes a call wait
WALL_CLOCK: Final = 1_700_000_000_000  # ms since 1970: no age, and no uint32


class StreamFault(StrEnum):
    """What may be wrong with it."""

    REFUSES_ALL = "no stream is ever opened"
    ZERO_ALONE = "an end alone is told 0"
    SLOW_OPEN = "OPEN_CONNECT without a KSID waits for the peer"
    KSID_COUNTED = "KSIDs are of version 1"
    KSID_SAME = "every stream has the same KSID"
    QOS_MISSING = "OPEN_CONNECT returns no QoS"
    CHUNK_OTHER = "another Key_chunk_size is granted in silence"
    NO_JSON = "application/json is not granted"
    JOIN_REFUSED = "the second end is refused"
    FIRST_IS_ALICE = "only alice may open first"
    KSID_OTHER = "the second end is told another KSID"
    QOS_SECOND = "the second end is told the QoS that it asked for"
    NO_AGREED = "a KSID agreed before is refused"
    THIRD_TAKEN = "a third OPEN_CONNECT is told 0"
    MEET_LIE = "a mirrored OPEN_CONNECT is told 0 and has a KSID of its own"
    OPEN_FOREVER = "OPEN_CONNECT passes over Timeout"
    FORGETS = "a registration that was told 1 is forgotten"
    RATE_PROMISED = "a Min_bps is granted that is not there"
    SIZE_CUT = "a Key_chunk_size is cut in silence"
    TYPE_ANY = "every Metadata_mimetype is granted"
    COUNTER_LIE = "a counter-proposal is refused, too"
    THIRD_JOINS = "whoever has a KSID may join"
    NOBODY_TAKEN = "a destination that nobody knows is waited for"
    NOT_MINE_TAKEN = "anybody may open for anybody"
    EARLY_KEY = "keys are given before the peer is there"
    EARLY_TWO = "who asks before its peer is there is told 2"
    NO_INDEX = "a key comes without its index"
    NEXT_JUMPS = "the next index is two further"
    INDEX_IGNORED = "an index is passed over"
    IN_ORDER = "an end has to ask in order"
    OPENER_ASKS = "the end that came first has to ask first"
    OTHER_KEY = "the second end gets other keys"
    KEY_SHORT = "a chunk is one octet short"
    SAME_KEY = "all indices have one key"
    SAME_STREAMS = "all streams have the same keys"
    AGAIN_GIVEN = "a chunk can be had again"
    FAR_GIVEN = "any index has a key at once"
    GET_FOREVER = "GET_KEY passes over Timeout"
    TTL_IGNORED = "chunks are kept beyond their TTL"
    UNKNOWN_KEY = "an unknown KSID brings a key"
    UNKNOWN_FOUR = "an unknown KSID is told 4"
    OTHER_GETS = "a third SAE gets keys"
    OTHER_CLOSES = "a third SAE may close"
    NO_LOCK = "nobody needs a certificate"
    AGE_BY_CLOCK = "the age is the time of day"
    SIZE_TOLD_WRONG = "Metadata_size is one too many"
    ROOM_IGNORED = "the room for metadata is passed over"
    ROOM_COSTS = "too little room uses the chunk up"
    METADATA_ALWAYS = "metadata come where none were agreed"
    CLOSE_FAILS = "CLOSE is told 4"
    CLOSE_IGNORED = "keys are given after CLOSE"
    CLOSE_TAKES = "CLOSE takes what is left from the peer"
    SILENT = "an unknown KSID is not answered"
    ALIEN_STATUS = "what GET_KEY refuses it refuses with 5"
    NINE = "an unknown KSID is told 9"
    NONSENSE_READ = "what is no request counts as one"


@dataclass
class ForeignStream:
    """One stream; `ends` as they came."""

    ksid: str
    pair: frozenset[str]
    qos: dict[str, Any]
    ends: list[str] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    had: dict[str, set[int]] = field(default_factory=dict)
    born: dict[int, float] = field(default_factory=dict)


class Silence(Exception):
    """It does not answer."""


@dataclass
class ForeignStreams:
    """One key manager for all its SAEs; `caller` "" = came without a certificate. Its time goes on when it waits."""

    faults: Collection[StreamFault] = ()
    time: float = 0.0
    made: int = 0
    busy: int = 0  # how often it has no key first
    streams: dict[str, ForeignStream] = field(default_factory=dict)
    given: list[bytes] = field(default_factory=list, repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def clock(self) -> Clock:
        """Its time as an examiner's."""
        return Clock(lambda: self.time, self.wait)

    def wait(self, seconds: float) -> None:
        self.time += seconds

    # --- the three functions ----------------------------------------------------------------------------------------

    def open(self, caller: str, ends: tuple[str, str], ksid: str | None, qos: dict[str, Any]) -> dict[str, Any]:
        pair = frozenset(uri.rpartition("/")[2] for uri in ends)
        if StreamFault.REFUSES_ALL in self.faults:
            return {"status": 4}
        if caller not in pair and not (StreamFault.NOT_MINE_TAKEN in self.faults or ksid):
            return {"status": 4}
        known = StreamFault.NOBODY_TAKEN in self.faults or StreamFault.NOT_MINE_TAKEN in self.faults
        if not pair <= {*SAES} and not (known and ksid is None):
            return {"status": 4}
        if ksid in self.streams:
            return self._join(caller, self.streams[ksid], qos)
        if ksid is not None and StreamFault.NO_AGREED in self.faults:
            return {"status": 4}
        granted = self._granted(qos)
        if not self._is_met(qos, granted):
            return {"status": 7, "qos": granted}
        return self._begin(caller, pair, ksid, granted)

    def get(self, caller: str, ksid: str, index: int | None, room: int) -> dict[str, Any]:
        stream = self.streams.get(ksid)
        if stream is None:
            return self._unknown(ksid)
        if caller not in stream.ends and StreamFault.OTHER_GETS not in self.faults:
            return {"status": 3}
        if caller in stream.closed and StreamFault.CLOSE_IGNORED not in self.faults:
            return {"status": 3}
        if stream.closed - {caller} and StreamFault.CLOSE_TAKES in self.faults:
            return {"status": 3}
        if len(stream.ends) < 2 and StreamFault.EARLY_KEY not in self.faults:
            return {"status": 2 if StreamFault.EARLY_TWO in self.faults else 3}
        if self.busy:
            self.busy -= 1
            return {"status": 2}
        index = self._index(stream, caller, index)
        return self._chunk(stream, caller, index, room)

    def close(self, caller: str, ksid: str) -> dict[str, Any]:
        stream = self.streams.get(ksid)
        if stream is None:
            return self._unknown(ksid) if StreamFault.UNKNOWN_KEY not in self.faults else {"status": 3}
        if caller not in stream.ends and StreamFault.OTHER_CLOSES not in self.faults:
            return {"status": 3}
        stream.closed |= {caller} if caller in stream.ends else {*stream.ends}
        if stream.closed >= {*stream.ends} and StreamFault.CLOSE_IGNORED not in self.faults:
            del self.streams[ksid]
        return {"status": 4 if StreamFault.CLOSE_FAILS in self.faults else 0}

    # --- opening ----------------------------------------------------------------------------------------------------

    def _granted(self, qos: dict[str, Any]) -> dict[str, Any]:
        size = qos["key_chunk_size"] or 32
        rate = min(qos["max_bps"] or LARGEST_RATE, LARGEST_RATE)
        granted = {
            **{name: qos[name] or 0 for name in NUMBERS},
            "key_chunk_size": min(size, LARGEST_CHUNK),
            "max_bps": rate,
            "min_bps": min(qos["min_bps"] or 0, rate),
            "metadata_mimetype": qos["metadata_mimetype"] and JSON,
        }
        if StreamFault.CHUNK_OTHER in self.faults and size < LARGEST_CHUNK:
            granted["key_chunk_size"] = size * 2
        if StreamFault.TYPE_ANY in self.faults:
            granted["metadata_mimetype"] = qos["metadata_mimetype"]
        if StreamFault.NO_JSON in self.faults:
            granted["metadata_mimetype"] = ""
        return granted

    def _is_met(self, qos: dict[str, Any], granted: dict[str, Any]) -> bool:
        if StreamFault.COUNTER_LIE in self.faults and granted["min_bps"] > 0:
            return False
        return (
            (granted["min_bps"] >= (qos["min_bps"] or 0) or StreamFault.RATE_PROMISED in self.faults)
            and ((qos["key_chunk_size"] or 0) <= LARGEST_CHUNK or StreamFault.SIZE_CUT in self.faults)
            and (qos["metadata_mimetype"] in {"", JSON} or StreamFault.TYPE_ANY in self.faults)
        )

    def _begin(self, caller: str, pair: frozenset[str], ksid: str | None, qos: dict[str, Any]) -> dict[str, Any]:
        self.made += 1
        is_mirrored = any(each.pair == pair and len(each.ends) == 1 for each in self.streams.values())
        if ksid is None and StreamFault.SLOW_OPEN in self.faults:
            self.wait(qos["timeout"] / 1_000)
        if ksid is not None:
            self.wait(LINGERS if StreamFault.OPEN_FOREVER in self.faults else qos["timeout"] / 1_000)
        made = str(UUID(int=self.made << 80 | 0x4 << 76 | 0x8 << 60))
        if StreamFault.KSID_SAME in self.faults:
            made = str(UUID(int=0x4 << 76 | 0x8 << 60))
        if StreamFault.KSID_COUNTED in self.faults:
            made = str(uuid1())
        stream = ForeignStream(ksid or made, pair, qos, [caller])
        if not (ksid is not None and StreamFault.FORGETS in self.faults):
            self.streams[stream.ksid] = stream
        is_lie = StreamFault.ZERO_ALONE in self.faults or (is_mirrored and StreamFault.MEET_LIE in self.faults)
        return self._opened(0 if is_lie else 1, stream.ksid, qos)

    def _join(self, caller: str, stream: ForeignStream, qos: dict[str, Any]) -> dict[str, Any]:
        if caller in stream.ends or len(stream.ends) == 2:
            return self._opened(0, stream.ksid, stream.qos) if StreamFault.THIRD_TAKEN in self.faults else {"status": 5}
        if caller not in stream.pair and StreamFault.THIRD_JOINS not in self.faults:
            return {"status": 5}
        is_back = stream.ends == ["bob"] and StreamFault.FIRST_IS_ALICE in self.faults
        if StreamFault.JOIN_REFUSED in self.faults or is_back:
            return {"status": 4}
        stream.ends.append(caller)
        told = {**self._granted(qos), "ttl": qos["ttl"]} if StreamFault.QOS_SECOND in self.faults else stream.qos
        ksid = str(UUID(int=7 | 0x4 << 76 | 0x8 << 60)) if StreamFault.KSID_OTHER in self.faults else stream.ksid
        return self._opened(0, ksid, told)

    def _opened(self, status: int, ksid: str, qos: dict[str, Any]) -> dict[str, Any]:
        told = {"status": status, "key_stream_id": ksid, "qos": qos}
        if StreamFault.QOS_MISSING in self.faults:
            del told["qos"]
        return told

    # --- chunks -----------------------------------------------------------------------------------------------------

    def _index(self, stream: ForeignStream, caller: str, index: int | None) -> int:
        had = stream.had.setdefault(caller, set())
        following = next(each for each in range(FAR) if each not in had)
        if StreamFault.NEXT_JUMPS in self.faults:
            following *= 2
        return following if index is None or StreamFault.INDEX_IGNORED in self.faults else index

    def _chunk(self, stream: ForeignStream, caller: str, index: int, room: int) -> dict[str, Any]:
        had = stream.had[caller]
        if self._is_out(stream, caller, index):
            return {"status": 5 if StreamFault.ALIEN_STATUS in self.faults else 2}
        is_wanted = stream.qos["metadata_mimetype"] or StreamFault.METADATA_ALWAYS in self.faults
        is_wanted = is_wanted or StreamFault.NO_JSON in self.faults
        born = stream.born.setdefault(index, self.time)
        age = WALL_CLOCK if StreamFault.AGE_BY_CLOCK in self.faults else int((self.time - born) * 1_000)
        metadata = json.dumps({"age": age, "hops": 0}) if is_wanted else ""
        if len(metadata) > room and StreamFault.ROOM_IGNORED not in self.faults:
            if StreamFault.ROOM_COSTS in self.faults:
                had.add(index)
            return {"status": 8, "metadata": {"size": len(metadata), "buffer": ""}}
        had.add(index)
        told: dict[str, Any] = {"status": 0, "index": index, "key_buffer": self._key(stream, caller, index)}
        told["metadata"] = {"size": len(metadata) + (StreamFault.SIZE_TOLD_WRONG in self.faults), "buffer": metadata}
        if StreamFault.NO_INDEX in self.faults:
            del told["index"]
        return told

    def _is_out(self, stream: ForeignStream, caller: str, index: int) -> bool:
        """Whether a chunk is not to be had."""
        had, faults = stream.had[caller], self.faults
        is_new = index not in stream.born
        if index >= FAR and StreamFault.FAR_GIVEN not in faults:
            self.wait(LINGERS if StreamFault.GET_FOREVER in faults else stream.qos["timeout"] / 1_000)
            return True
        if index in had and StreamFault.AGAIN_GIVEN not in faults:
            return True
        is_over = self.time - stream.born.get(index, self.time) > stream.qos["ttl"]
        return (
            (is_over and StreamFault.TTL_IGNORED not in faults)
            or (StreamFault.IN_ORDER in faults and index != len(had))
            or (StreamFault.OPENER_ASKS in faults and is_new and caller != stream.ends[0])
            or (is_new and bool(stream.closed - {caller}))
        )

    def _key(self, stream: ForeignStream, caller: str, index: int) -> bytes:
        number = 0 if StreamFault.SAME_KEY in self.faults else index
        name = "" if StreamFault.SAME_STREAMS in self.faults else stream.ksid
        seed = f"{name} {number} {caller if StreamFault.OTHER_KEY in self.faults else ''}"
        size = stream.qos["key_chunk_size"] - (StreamFault.KEY_SHORT in self.faults)
        key = hashlib.shake_256(seed.encode()).digest(size)
        self.given.append(key)
        return key

    def _unknown(self, ksid: str) -> dict[str, Any]:
        if StreamFault.SILENT in self.faults:
            raise Silence(ksid)
        if StreamFault.UNKNOWN_KEY in self.faults:
            return {"status": 0, "index": 0, "key_buffer": bytes(32), "metadata": {"size": 0, "buffer": ""}}
        if StreamFault.NINE in self.faults:
            return {"status": 9}
        return {"status": 4 if StreamFault.UNKNOWN_FOUR in self.faults else 3}

    # --- JSON -------------------------------------------------------------------------------------------------------

    def answer(self, caller: str, verb: str, target: str, body: bytes | None) -> Reply:
        """Answer a request of the JSON binding."""
        if not caller and StreamFault.NO_LOCK not in self.faults:
            return Reply(0, why="tls handshake failure", is_refused_in_tls=True)
        try:
            wanted = json.loads(body or b"")
        except ValueError:
            if StreamFault.NONSENSE_READ not in self.faults:
                return Reply(400, JSON, b'{"message": "no JSON"}')
            return self._json({"status": 0, "index": 0, "key_buffer": bytes(32), "metadata": None})
        assert verb == "POST"
        with self.lock:
            try:
                return self._json(self._called(caller or "alice", target.rpartition("/")[2], wanted))
            except Silence:
                return Reply(500, "text/html", b"<html>")

    def _called(self, caller: str, function: str, wanted: dict[str, Any]) -> dict[str, Any]:
        ksid = wanted["key_stream_id"]
        if function == "open_connect":
            return self.open(caller, (wanted["source"], wanted["destination"]), ksid, wanted["qos"])
        if function == "get_key":
            return self.get(caller, ksid, wanted["index"], wanted["metadata_size"])
        assert function == "close"
        return self.close(caller, ksid)

    def _json(self, told: dict[str, Any]) -> Reply:
        if "key_buffer" in told:
            told = {**told, "key_buffer": base64.b64encode(told["key_buffer"]).decode()}
        return Reply(200, JSON, json.dumps(told).encode())

    # --- frames -----------------------------------------------------------------------------------------------------

    def frame(self, caller: str, octets: bytes) -> bytes:
        """Answer a frame of the binary binding; OSError or EOFError where a connection would break off."""
        if not caller and StreamFault.NO_LOCK not in self.faults:
            raise ConnectionResetError("tls handshake failure")
        service, payload = octets[3], octets[8:]
        assert len(payload) == int.from_bytes(octets[4:8], "big")
        with self.lock:
            try:
                answer = self._framed(caller or "alice", service, payload)
            except Silence:
                raise EOFError("the connection ended") from None
        return octets[:3] + bytes([service + 1 if service < 9 else 5]) + len(answer).to_bytes(4, "big") + answer

    def _framed(self, caller: str, service: int, payload: bytes) -> bytes:
        if service == 2:
            source, destination, rest = payload.split(b"\0", 2)
            numbers = dict(zip(NUMBERS, struct.unpack(">7I", rest[:28]), strict=True))
            qos = {**numbers, "metadata_mimetype": rest[28:284].rstrip(b"\0").decode()}
            return _opened(self.open(caller, (source.decode(), destination.decode()), _ksid(rest[284:]), qos))
        if service == 4:
            index, room = struct.unpack(">II", payload[16:])
            return _got(self.get(caller, str(_ksid(payload[:16])), None if index == 2**32 - 1 else index, room))
        if service == 8:
            return int(self.close(caller, str(_ksid(payload)))["status"]).to_bytes(4, "big")
        if StreamFault.NONSENSE_READ in self.faults:
            return bytes(12)
        raise EOFError("the connection ended")


def acquaintance(kme: ForeignStreams, party: Party) -> Speaker:
    """Return who speaks to a key manager of this process as a party would, in the framing of its URL."""
    # As in TLS, the papers say who asks; here they are named after their owner.
    caller = "" if party.papers is None else party.papers.certificate.name
    if party.url.startswith("tls"):
        return BinarySpeaker(lambda octets: kme.frame(caller, octets), kme.clock.now)
    return JsonSpeaker(_Asker(kme, caller), now=kme.clock.now)


def acquainted(kme: ForeignStreams) -> Callable[[Party], Speaker]:
    """Return how parties come to speak to it."""
    return lambda party: acquaintance(kme, party)


@dataclass(frozen=True)
class _Asker:
    kme: ForeignStreams
    caller: str

    def ask(self, verb: str, target: str, body: bytes | None = None) -> Reply:
        return self.kme.answer(self.caller, verb, target, body)


@contextmanager
def served_frames(kme: ForeignStreams, context: ssl.SSLContext, named: Callable[[bytes], str]) -> Iterator[str]:
    """Serve the frames over TLS; gives the URL. `named` reads the SAE from its certificate (DER)."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError, EOFError, ssl.SSLError), context.wrap_socket(self.request, server_side=True) as own:
                shown = own.getpeercert(binary_form=True)
                caller = named(shown) if shown else ""
                while head := own.recv(8):
                    own.sendall(kme.frame(caller, head + _exactly(own, int.from_bytes(head[4:], "big"))))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"tls://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _exactly(own: ssl.SSLSocket, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        octets += own.recv(count - len(octets)) or b"\0" * count
    return octets


def _ksid(octets: bytes) -> str | None:
    return str(UUID(bytes=octets)) if any(octets) else None


def _opened(told: dict[str, Any]) -> bytes:
    status = int(told["status"]).to_bytes(4, "big")
    if "qos" not in told:
        return status
    qos = told["qos"]
    numbers = struct.pack(">7I", *(qos[name] for name in NUMBERS))
    ksid = UUID(told["key_stream_id"]).bytes if "key_stream_id" in told else bytes(16)
    return status + numbers + str(qos["metadata_mimetype"]).encode().ljust(256, b"\0") + ksid


def _got(told: dict[str, Any]) -> bytes:
    status = int(told["status"]).to_bytes(4, "big")
    if told["status"] == 8:
        return status + int(told["metadata"]["size"]).to_bytes(4, "big")
    if told["status"] or "index" not in told:
        return status
    key, metadata = told["key_buffer"], told["metadata"]
    lengths = struct.pack(">II", told["index"], len(key))
    size = int(metadata["size"]).to_bytes(4, "big")
    return b"".join((status, lengths, key, size, str(metadata["buffer"]).encode()))
