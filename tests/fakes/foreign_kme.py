"""A key manager of nobody's: right by ETSI GS QKD 014 as far as an examination sees, until faults are planted in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from keytwin.operation.conformance_calls import Papers, Party, Reply

JSON: Final = "application/json"
PATH: Final = re.compile(r"/api/v1/keys/([^/]+)/(status|enc_keys|dec_keys)")
VERBS: Final = {"status": ("GET",), "enc_keys": ("GET", "POST"), "dec_keys": ("GET", "POST")}
NOT_FOUND: Final = "one or more keys specified are not found on KME"
SAES: Final = ("alice", "bob")
LIMITS: Final = {"key_size": 256, "max_key_per_request": 4, "max_key_size": 1024, "min_key_size": 64}


class Fault(StrEnum):
    """What may be wrong with it."""

    STATUS_MISSING = "status is not found"
    STATUS_TEXT = "a number of status is text"
    STATUS_SWAPPED = "status takes the master for the slave"
    STATUS_OVERFULL = "more keys are in stock than may be"
    NO_GET = "GET enc_keys is not there"
    NO_EMPTY = "POST needs a number"
    ONE_KEY = "number is passed over"
    ONE_BY_GET = "number in a query is passed over"
    SIZE_CRASH = "any size crashes it"
    SIZE_IGNORED = "size is passed over"
    OPTIONAL_REFUSED = "an optional extension is refused"
    KEY_NUMBER = "a key is a JSON number"
    KEYS_LARGE = "the array is called Keys"
    IDS_COUNTED = "key_IDs are counted"
    HEX = "keys are hexadecimal"
    SAME_ID = "every key has the same key_ID"
    SAME_KEY = "the same key is handed out again and again"
    OTHER_KEY = "the slave gets another key"
    OTHER_TAKES = "a stranger's try uses the key up"
    LIST_TAKES = "a list that is refused uses its keys up"
    TWICE = "a key can be fetched again"
    INVENTS = "an unknown key_ID gets a key"
    PARTLY = "of a list, what is there is given"
    ANYTHING_FETCHED = "key_IDs are not looked at"
    ANYONE = "anybody may fetch a key"
    FORBIDDEN = "a stranger is told 403"
    TALKS = "401 has a body"
    ODD_CUT = "an odd size is cut to whole octets less"
    ZERO = "number 0 brings no key and no refusal"
    TEXT_READ = "a number as text is read"
    NO_MOST_NUMBER = "number has no limit"
    NO_MOST_SIZE = "size has no upper limit"
    NO_LEAST_SIZE = "size has no lower limit"
    SLAVES_IGNORED = "additional slaves are passed over"
    MANDATORY_IGNORED = "mandatory extensions are passed over"
    OWN_WORDS = "refusals are in words of its own"
    NO_JSON_READ = "a body that is no JSON counts as empty"
    ANY_VERB = "every verb is as good as GET"
    ANY_SLAVE = "anybody has keys with anybody"
    CRASHES = "every mistake of a caller crashes it"
    CREATED = "keys come with 201"
    HTML = "answers are declared as HTML"
    SILENT = "refusals have no message"
    REFUSAL_TAKES = "a request that is refused uses a key up"
    NO_LOCK = "nobody needs a certificate"
    LATE_LOCK = "who has no certificate is told so"


class Refused(Exception):
    """A request that it does not grant."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class ForeignKme:
    """One key manager for both SAEs; `caller` "" = came without a certificate."""

    faults: Collection[Fault] = ()
    stock: int = 100
    made: int = 0
    waiting: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    busy: int = 0  # how often it says 503 first

    def answer(self, caller: str, verb: str, target: str, body: bytes | None) -> Reply:
        if not caller and Fault.NO_LOCK not in self.faults:
            if Fault.LATE_LOCK in self.faults:
                return self._error(Refused(400, "No required SSL certificate was sent"))
            return Reply(0, why="tls handshake failure", is_refused_in_tls=True)
        if self.busy:
            self.busy -= 1
            return Reply(503, JSON, b'{"message": "insufficient keys"}', retry_after=0)
        try:
            return self._json(*self._done(caller, verb, target, body))
        except Refused as refused:
            if Fault.REFUSAL_TAKES in self.faults and "enc_keys" in target:
                self.stock -= 1
            return self._error(refused)

    def _done(self, caller: str, verb: str, target: str, body: bytes | None) -> tuple[int, object]:
        parts = urlsplit(target)
        found = PATH.fullmatch(parts.path)
        if not found:
            raise Refused(404, "no such resource")
        peer, method = unquote(found[1]), found[2]
        if Fault.ANY_VERB not in self.faults and verb not in VERBS[method]:
            raise Refused(405, "no such method here")
        wanted = self._wanted(verb, dict(parse_qsl(parts.query)), body)
        if method == "dec_keys":
            return 200, self._container(self._fetch(caller, peer, wanted))
        if Fault.ANY_SLAVE not in self.faults and peer not in SAES:
            raise Refused(400, "no such SAE")
        if method == "status":
            return self._status(caller, peer)
        if verb == "GET" and Fault.NO_GET in self.faults:
            raise Refused(405, "no such method here")
        return 201 if Fault.CREATED in self.faults else 200, self._container(self._take(caller, peer, wanted))

    def _wanted(self, verb: str, query: dict[str, str], body: bytes | None) -> dict[str, object]:
        if verb != "POST":
            if Fault.ONE_BY_GET in self.faults:
                query.pop("number", None)
            return {name: int(value) if value.isdigit() else value for name, value in query.items()}
        try:
            wanted = json.loads(body or b"{}")
        except ValueError:
            if Fault.NO_JSON_READ in self.faults:
                return {}
            raise Refused(400, "no JSON") from None
        assert isinstance(wanted, dict)
        return wanted

    def _status(self, master: str, slave: str) -> tuple[int, object]:
        if Fault.STATUS_MISSING in self.faults:
            raise Refused(404, "no such resource")
        names = (slave, master) if Fault.STATUS_SWAPPED in self.faults else (master, slave)
        told: dict[str, object] = {"source_KME_ID": "A", "target_KME_ID": "A", **LIMITS, "max_SAE_ID_count": 2}
        told |= {"master_SAE_ID": names[0], "slave_SAE_ID": names[1], "stored_key_count": self.stock}
        told |= {"max_key_count": 10 if Fault.STATUS_OVERFULL in self.faults else 1_000}
        if Fault.STATUS_TEXT in self.faults:
            told["key_size"] = "256"
        return 200, told

    # --- the master -----------------------------------------------------------------------------------------------

    def _take(self, master: str, slave: str, wanted: dict[str, object]) -> list[tuple[str, bytes]]:
        if Fault.NO_EMPTY in self.faults and not wanted:
            raise Refused(400, "number is missing")
        self._refuse_extras(wanted)
        number, size = self._number(wanted.get("number", 1)), self._size(wanted.get("size", LIMITS["key_size"]))
        return [self._make(master, slave, size // 8) for _ in range(number)]

    def _number(self, number: object) -> int:
        if isinstance(number, str) and Fault.TEXT_READ in self.faults:
            number = 1
        if not isinstance(number, int) or (number < 1 and Fault.ZERO not in self.faults):
            raise Refused(400, "number is none")
        if number > LIMITS["max_key_per_request"] and Fault.NO_MOST_NUMBER not in self.faults:
            raise Refused(400, "number is too large")
        return 1 if Fault.ONE_KEY in self.faults else number

    def _size(self, size: object) -> int:
        assert isinstance(size, int)
        if Fault.SIZE_CRASH in self.faults and size != LIMITS["key_size"]:
            raise Refused(500, "internal error")
        if size % 8 and Fault.ODD_CUT not in self.faults:
            raise Refused(400, "size shall be a multiple of 8")
        if size > LIMITS["max_key_size"] and Fault.NO_MOST_SIZE not in self.faults:
            raise Refused(400, "size is too large")
        if size < LIMITS["min_key_size"] and Fault.NO_LEAST_SIZE not in self.faults:
            raise Refused(400, "size is too small")
        return LIMITS["key_size"] if Fault.SIZE_IGNORED in self.faults else size

    def _refuse_extras(self, wanted: dict[str, object]) -> None:
        slaves = wanted.get("additional_slave_SAE_IDs", [])
        assert isinstance(slaves, list)
        if set(slaves) - set(SAES) and Fault.SLAVES_IGNORED not in self.faults:
            raise Refused(400, "no such SAE")
        if wanted.get("extension_mandatory") and Fault.MANDATORY_IGNORED not in self.faults:
            raise Refused(400, "not all extension_mandatory parameters are supported")
        if wanted.get("extension_optional") and Fault.OPTIONAL_REFUSED in self.faults:
            raise Refused(400, "no extensions please")

    def _make(self, master: str, slave: str, octets: int) -> tuple[str, bytes]:
        self.made += 1
        self.stock -= 1
        seed = 0 if Fault.SAME_KEY in self.faults else self.made
        key = hashlib.shake_256(str(seed).encode()).digest(octets)
        key_id = str(UUID(int=0xA << 124 | (0 if Fault.SAME_ID in self.faults else self.made)))
        if Fault.IDS_COUNTED in self.faults:
            key_id = f"key-{self.made}"
        self.waiting[key_id] = (master, slave, key)
        return key_id, key

    # --- the slave ------------------------------------------------------------------------------------------------

    def _fetch(self, caller: str, master: str, wanted: dict[str, object]) -> list[tuple[str, bytes]]:
        key_ids = self._key_ids(wanted)
        found = {key_id: self.waiting[key_id] for key_id in key_ids if key_id in self.waiting}
        if Fault.INVENTS in self.faults:
            found |= {key_id: (master, caller, b"invented") for key_id in key_ids if key_id not in found}
        is_whole = len(found) == len(key_ids) or (found and Fault.PARTLY in self.faults)
        if not is_whole:
            if Fault.LIST_TAKES in self.faults:
                self._forget(found)
            raise Refused(400, NOT_FOUND)
        if any(slave != caller for _, slave, _ in found.values()) and Fault.ANYONE not in self.faults:
            if Fault.OTHER_TAKES in self.faults:
                self._forget(found)
            raise Refused(403 if Fault.FORBIDDEN in self.faults else 401, "not yours")
        if Fault.TWICE not in self.faults:
            self._forget(found)
        other = Fault.OTHER_KEY in self.faults
        return [(key_id, key[::-1] if other else key) for key_id, (_, _, key) in found.items()]

    def _key_ids(self, wanted: dict[str, object]) -> list[str]:
        named = wanted.get("key_IDs", [{"key_ID": wanted["key_ID"]}] if "key_ID" in wanted else [])
        assert isinstance(named, list)
        key_ids = [str(each["key_ID"]) for each in named]
        if Fault.ANYTHING_FETCHED in self.faults:
            return [key_id for key_id in key_ids if key_id in self.waiting]
        if not key_ids:
            raise Refused(400, "no key_IDs")
        return key_ids

    def _forget(self, found: Collection[str]) -> None:
        for key_id in found:
            self.waiting.pop(key_id, None)

    # --- how it says so -------------------------------------------------------------------------------------------

    def _container(self, keys: list[tuple[str, bytes]]) -> object:
        def written(key: bytes) -> object:
            if Fault.KEY_NUMBER in self.faults:
                return 7
            return key.hex() + "0" if Fault.HEX in self.faults else base64.b64encode(key).decode()

        entries = [{"key_ID": key_id, "key": written(key)} for key_id, key in keys]
        return {"Keys" if Fault.KEYS_LARGE in self.faults else "keys": entries}

    def _json(self, status: int, value: object) -> Reply:
        kind = "text/html" if Fault.HTML in self.faults else f"{JSON}; charset=utf-8"
        return Reply(status, kind, json.dumps(value).encode())

    def _error(self, refused: Refused) -> Reply:
        if refused.status == 401 and Fault.TALKS not in self.faults:
            return Reply(401)
        status = 500 if Fault.CRASHES in self.faults else refused.status
        message = "it did not work out" if Fault.OWN_WORDS in self.faults else refused.message
        return self._json(status, {} if Fault.SILENT in self.faults else {"message": message})


@dataclass(frozen=True)
class Acquaintance:
    """Asks a key manager of this process as a party would, over nothing."""

    kme: ForeignKme
    party: Party

    def ask(self, verb: str, target: str, body: bytes | None = None) -> Reply:
        # As in TLS, the papers say who asks; here they are named after their owner.
        caller = "" if self.party.papers is None else self.party.papers.certificate.name
        return self.kme.answer(caller, verb, target, body)


def party(sae: str, *, is_known: bool = True) -> Party:
    """Return an SAE as an `Acquaintance` knows it."""
    return Party(sae, "https://kme.example", Path("ca"), Papers(Path(sae), Path("key")) if is_known else None)


class Answering(Protocol):
    """A key manager that answers requests of HTTP."""

    def answer(self, caller: str, verb: str, target: str, body: bytes | None) -> Reply: ...


@contextmanager
def served(kme: Answering, context: ssl.SSLContext, named: Callable[[bytes], str]) -> Iterator[str]:
    """Serve a key manager over TLS; gives the URL. `named` reads the SAE from its certificate (DER)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.connection, ssl.SSLSocket)
            shown = self.connection.getpeercert(binary_form=True)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            reply = kme.answer(named(shown) if shown else "", self.command, self.path, body)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_DELETE = do_GET  # noqa: N815  # as http.server names it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server names it
            del format, args

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: object, client_address: object) -> None:
            with suppress(OSError):  # a client that goes away, or is refused, is its own affair
                super().finish_request(request, client_address)  # type: ignore[arg-type]  # what socketserver gave us

        def shutdown_request(self, request: object) -> None:
            with suppress(OSError):
                super().shutdown_request(request)  # type: ignore[arg-type]  # the same

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
