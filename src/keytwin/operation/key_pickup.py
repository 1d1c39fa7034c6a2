"""Keys fetched as a stock client of ETSI GS QKD 014 V1.1.1 would: by the master, then by the slave, and compared."""

from __future__ import annotations

import base64
import binascii
import hashlib
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET

from keytwin.operation.calls import Answer, Caller, leaf_files
from keytwin.operation.certification import sae_identity
from keytwin.operation.console import read_answer
from keytwin.service.etsi014_wire import (
    DEC_KEYS,
    ENC_KEYS,
    PREFIX,
    STATUS,
    Error,
    KeyContainer,
    KeyEntry,
    Route,
    Status,
)
from keytwin.service.operator_values import NetworkStatus, SaeStatus
from keytwin.vocabulary.errors import Mistake, Refusal
from keytwin.vocabulary.identity import KeyId, SaeId

FINGERPRINT: Final = 8  # octets of a key's SHA-256: tells keys apart and gives nothing of them away
USUAL_PAUSE: Final = 1  # seconds, where a refusal does not say how long

T = TypeVar("T")


class NotYet(Refusal):
    """The key manager has no key just now; `retry_after` in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Fetched:
    """One key as an SAE got it, and what its key manager tells of how it came about."""

    key_id: KeyId
    octets: bytes = field(repr=False)
    method: str
    hops: int | None

    @property
    def fingerprint(self) -> str:
        """The beginning of the key's SHA-256, in hexadecimal."""
        return hashlib.sha256(self.octets).hexdigest()[: 2 * FINGERPRINT]


@dataclass(frozen=True, slots=True)
class Pair:
    """One key as both ends got it."""

    master: Fetched
    slave: Fetched

    @property
    def is_equal(self) -> bool:
        """Whether the two ends hold the same key under the same identifier."""
        return (self.master.key_id, self.master.octets) == (self.slave.key_id, self.slave.octets)


class StockSae:
    """One SAE of an app: asks its own key manager, with its own certificate and nothing else."""

    def __init__(self, end: SaeStatus) -> None:
        self.end = end
        self._caller = Caller(end.url, leaf_files(sae_identity(end.sae), end.files))

    def status(self) -> Status:
        """Get status (clause 5.1)."""
        return read_answer(self._good(self._caller.ask("GET", target(STATUS, self.end.peer))), Status, self.end.url)

    def enc_keys(self, number: int, size: int | None) -> tuple[Fetched, ...]:
        """Get key (clause 5.2), as the master."""
        return self._keys(target(ENC_KEYS, self.end.peer, enc_query(number, size)), number)

    def dec_keys(self, key_ids: tuple[KeyId, ...]) -> tuple[Fetched, ...]:
        """Get key with key IDs (clause 5.3), as the slave."""
        body = msgspec.json.encode({"key_IDs": [{"key_ID": each} for each in key_ids]})
        answer = self._caller.ask("POST", target(DEC_KEYS, self.end.peer), body)
        return self._read(self._good(answer), len(key_ids))

    def _keys(self, where: str, number: int) -> tuple[Fetched, ...]:
        return self._read(self._good(self._caller.ask("GET", where)), number)

    def _read(self, body: bytes, number: int) -> tuple[Fetched, ...]:
        keys = read_answer(body, KeyContainer, self.end.url).keys
        if len(keys) != number:
            raise Refusal(f"{self.end.url} answered with {len(keys)} keys to a request for {number}")
        try:
            return tuple(_fetched(entry) for entry in keys)
        except binascii.Error as error:
            raise Refusal(f"{self.end.url} answered with a key that is not base64: {error}") from error

    def _good(self, answer: Answer) -> bytes:
        end = self.end
        match answer.status:
            case 200:
                return answer.body
            case 401:
                raise Refusal(
                    f"{end.node} gives {end.sae} no key: {end.files.certificate} is not that of one of its SAEs, or "
                    "the network allows the two ends of this app none now (keytwin status, keytwin events)"
                )
            case 503:
                pause = USUAL_PAUSE if answer.retry_after is None else answer.retry_after
                raise NotYet(f"{end.node} gives no key: {_said(answer, end.url)}", pause)
            case _:
                raise Mistake(f"{end.node} refuses: {_said(answer, end.url)}")


def ends_of(app: str, status: NetworkStatus) -> tuple[SaeStatus, SaeStatus]:
    """Return the two ends of an app, the first of the network file first; Mistake when there is no such app."""
    ends = [end for end in status.saes if end.app == app]
    if not ends:
        known = ", ".join(dict.fromkeys(end.app for end in status.saes)) or "none"
        raise Mistake(f"{status.network} has no app {app!r}; its apps: {known}")
    return ends[0], ends[-1]  # one and the same where an app may be master and slave


def fetch(first: SaeStatus, second: SaeStatus, number: int, size: int | None, patience: float) -> tuple[Pair, ...]:
    """Let the first SAE get fresh keys and the second fetch them; waits so many seconds where there are none yet."""
    end = time.monotonic() + patience
    master, slave = StockSae(first), StockSae(second)
    got = patiently(lambda: master.enc_keys(number, size), end)
    fetched = patiently(lambda: slave.dec_keys(tuple(key.key_id for key in got)), end)
    return tuple(Pair(*both) for both in zip(got, fetched, strict=True))


def patiently(ask: Callable[[], T], end: float) -> T:
    """Ask again when the key manager says, until the clock (monotonic, seconds) would pass `end`."""
    while True:
        try:
            return ask()
        except NotYet as later:
            if time.monotonic() + later.retry_after > end:
                raise
            time.sleep(later.retry_after)


def target(route: Route, peer: SaeId, query: str = "") -> str:
    """Return the target of one of the standard's methods; no name of an SAE needs an escape."""
    return "/".join((*PREFIX, peer, route.name)) + (f"?{query}" if query else "")


def enc_query(number: int, size: int | None) -> str:
    """Return the query of a request for fresh keys."""
    return f"number={number}" + (f"&size={size}" if size is not None else "")


def curl_line(end: SaeStatus, route: Route, query: str = "") -> str:
    """Return the command by which curl asks the same as this SAE."""
    files = end.files
    address = end.url + target(route, end.peer, query)
    return shlex.join(["curl", "--cert", files.certificate, "--key", files.key, "--cacert", files.trusted, address])


def _fetched(entry: KeyEntry) -> Fetched:
    told = {} if entry.key_extension is UNSET else entry.key_extension
    hops = told.get("hops")
    octets = base64.b64decode(entry.key, validate=True)
    return Fetched(KeyId(entry.key_id), octets, str(told.get("method", "-")), hops if isinstance(hops, int) else None)


def _said(answer: Answer, url: str) -> str:
    error = read_answer(answer.body, Error, url)
    details = ", ".join(f"{name} {value}" for detail in error.details for name, value in detail.items())
    return f"{error.message} ({details})" if details else error.message
