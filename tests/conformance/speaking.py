"""HTTP/1.1 over mutual TLS as a stranger's client speaks it, and what holds for every single answer of a face."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from keytwin.service.operator_values import Credentials, SaeStatus

JSON: Final = "application/json"
PATIENCE: Final = 20.0  # seconds for one answer, on a busy machine
ANSWERS: Final = frozenset({200, 400, 401, 404, 405, 408, 413, 414, 415, 417, 431, 503})
"""Every code that a face may answer with: 422 is not among them, nor any 5xx but 503."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; a sound one, or there is none."""

    status: int
    headers: Mapping[str, str]  # by names in lower case
    body: bytes = field(repr=False)

    def __post_init__(self) -> None:
        told = f"{self.status} {self.headers} {len(self.body)} octets"
        assert self.status in ANSWERS, told
        assert not self.body.lstrip().startswith(b"<"), told  # no HTML
        if self.status == 401:
            assert not self.body, told  # ETSI GS QKD 014 V1.1.1, Tables 4, 6 and 8
            return
        assert self.headers["content-type"] == JSON, told
        assert self.headers["cache-control"] == "no-store", told
        value = json.loads(self.body)
        assert isinstance(value, dict), told
        if self.status != 200:
            assert isinstance(value["message"], str), told
            assert value.keys() <= {"message", "details"}, told
        assert (self.status == 503) == ("retry-after" in self.headers), told

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def message(self) -> str:
        """What an Error says."""
        return str(self.json["message"])


@dataclass(frozen=True, slots=True)
class Sae:
    """One SAE outside: its certificate, the face of its key manager, and its peer."""

    name: str
    peer: str
    url: str
    files: Credentials

    @classmethod
    def of(cls, end: SaeStatus) -> Sae:
        return cls(end.sae, end.peer, end.url, end.files)

    @property
    def address(self) -> tuple[str, int]:
        """Where its key manager's face is."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def context(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Return what a careful client sets up: its certificate, and whom to trust."""
        made = context(self.files.trusted, version)
        made.load_cert_chain(self.files.certificate, self.files.key)
        return made

    def connection(self, version: ssl.TLSVersion | None = None) -> HTTPSConnection:
        """Return a connection of its own, not opened yet."""
        return HTTPSConnection(*self.address, timeout=PATIENCE, context=self.context(version))

    def path(self, method: str, peer: str | None = None) -> str:
        """Return the target of one of the three methods."""
        return f"/api/v1/keys/{peer or self.peer}/{method}"

    def ask(
        self, verb: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask over a new connection."""
        connection = self.connection()
        try:
            return ask(connection, verb, target, body, headers)
        finally:
            connection.close()

    def post(self, method: str, wanted: object, peer: str | None = None) -> Answer:
        """POST what is wanted, as JSON."""
        return self.ask("POST", self.path(method, peer), json.dumps(wanted).encode())

    def status(self) -> dict[str, Any]:
        answer = self.ask("GET", self.path("status"))
        assert answer.status == 200, answer
        return answer.json

    def take(self, number: int = 1, size: int | None = None) -> dict[str, str]:
        """Get fresh keys, as their master: base64 by key_ID."""
        wanted = {"number": number} if size is None else {"number": number, "size": size}
        return keys(self.post("enc_keys", wanted))

    def fetch(self, *key_ids: str) -> dict[str, str]:
        """Get the peer's keys, as their slave."""
        return keys(self.fetching(*key_ids))

    def fetching(self, *key_ids: str, peer: str | None = None) -> Answer:
        """Ask for keys by their identifiers."""
        return self.post("dec_keys", {"key_IDs": [{"key_ID": each} for each in key_ids]}, peer)

    def joined(self, version: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
        """Shake hands and give the socket: for what no HTTP client would send."""
        return self.context(version).wrap_socket(self.socket(), server_hostname=self.address[0])

    def socket(self) -> socket.socket:
        """Connect to the face, without TLS yet."""
        return socket.create_connection(self.address, timeout=PATIENCE)

    def raw(self, octets: bytes) -> Answer:
        """Send octets as they are and read one answer."""
        with self.joined() as sock:
            sock.sendall(octets)
            return read(sock)


def context(trusted: str | Path, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Return a client's context that shows no certificate."""
    made = ssl.create_default_context(cafile=str(trusted))
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


def ask(
    connection: HTTPSConnection,
    verb: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Ask over a connection that stays open."""
    usual = {} if body is None else {"Content-Type": JSON}
    connection.request(verb, target, body, {**usual, **(headers or {})})
    return answer_of(connection.getresponse(), verb)


def read(sock: ssl.SSLSocket, verb: str = "GET") -> Answer:
    """Read one answer from a socket."""
    response = HTTPResponse(sock, method=verb)
    response.begin()
    return answer_of(response, verb)


def answer_of(response: HTTPResponse, verb: str = "GET") -> Answer:
    del verb
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def keys(answer: Answer) -> dict[str, str]:
    """Return the keys of an answer that has some."""
    assert answer.status == 200, (answer, answer.body[:200])
    return {key["key_ID"]: key["key"] for key in answer.json["keys"]}


def refusal(client: ssl.SSLContext, address: tuple[str, int], target: str) -> str:
    """Come with a context that is to be refused: return the alert, and see that asking all the same gets no answer.

    With TLS 1.3 the client's handshake succeeds and the alert comes when it reads.
    """
    with pytest.raises(ssl.SSLError) as wrong:
        _greet(client, address)
    connection = HTTPSConnection(*address, timeout=PATIENCE, context=client)
    with pytest.raises((OSError, HTTPException)):  # the alert once more, or what is left of a connection
        ask(connection, "GET", target)
    connection.close()
    return str(wrong.value.reason).rpartition("ALERT_")[2]  # before it stands a version, not always the same


def _greet(client: ssl.SSLContext, address: tuple[str, int]) -> None:
    """Shake hands and read; whatever becomes of it, both sockets are closed."""
    with (
        socket.create_connection(address, timeout=PATIENCE) as plain,
        client.wrap_socket(plain, server_hostname=address[0]) as secured,
    ):
        secured.recv(1)
