"""Questions to the faces of a live network from outside: HTTP/1.1 over mutual TLS, one connection a question."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from http import client
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from keytwin.runtime.identities import Identity
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.tls import client_context
from keytwin.service.http import JSON
from keytwin.service.operator_values import Credentials
from keytwin.vocabulary.errors import Refusal

PATIENCE: Final = 30.0  # seconds for one answer: longer than a key manager keeps anybody waiting
LARGEST_ANSWER: Final = 16 * 1024 * 1024  # octets: far above any page of events


@dataclass(frozen=True, slots=True)
class Answer:
    """What a face answered; the body may hold key. `retry_after`: seconds, None = it did not say."""

    status: int
    body: bytes = field(repr=False)
    retry_after: int | None = None


class Caller:
    """Asks one face as one identity; Refusal says what stood between, and what to do about it."""

    def __init__(self, url: str, files: LeafFiles, patience: float = PATIENCE) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._url = url
        self._host, self._port = parts.hostname, parts.port
        self._files = files
        self._patience = patience
        self._context = client_context(files)

    def ask(self, method: str, target: str, body: bytes | None = None) -> Answer:
        """Ask and wait for the answer, whatever its status."""
        connection = client.HTTPSConnection(self._host, self._port, timeout=self._patience, context=self._context)
        try:
            connection.request(method, target, body, {} if body is None else {"Content-Type": JSON})
            response = connection.getresponse()
            octets = response.read(LARGEST_ANSWER + 1)
            later = response.getheader("Retry-After", "")
        except (OSError, client.error) as error:
            raise Refusal(self._explained(error)) from error
        finally:
            connection.close()
        if len(octets) > LARGEST_ANSWER:
            raise Refusal(f"{self._url} answered with more than {LARGEST_ANSWER} octets")
        return Answer(response.status, octets, int(later) if later.isascii() and later.isdigit() else None)

    def _explained(self, error: Exception) -> str:
        match error:
            case ConnectionRefusedError():
                return f"nothing answers at {self._url}: the network is not running any more (keytwin status)"
            case TimeoutError():
                return f"{self._url} did not answer within {self._patience:g} s: look at the log in its state directory"
            case ssl.SSLCertVerificationError():
                return f"{self._url} is not to be trusted: {error.verify_message}; whom we trust: {self._files.trusted}"
            case ssl.SSLError():
                why = (error.reason or "no reason given").lower().replace("_", " ")
                return f"{self._url} refused {self._whose}: {why}; {self._remedy}"
            case ConnectionResetError() | client.HTTPException():
                return f"{self._url} closed the connection on {self._whose}; {self._remedy}"
            case _:
                return f"{self._url} cannot be asked: {error}"

    @property
    def _whose(self) -> str:
        return f"the certificate of {self._files.identity} ({self._files.certificate})"

    @property
    def _remedy(self) -> str:
        return "if it has ended or is revoked, issue another: keytwin sae add NAME"


def leaf_files(identity: Identity, files: Credentials) -> LeafFiles:
    """Return an identity's files as a live network names them; Refusal when the key is with its owner."""
    if not files.key:
        raise Refusal(f"the key of {identity} is with its owner: only they can act as {identity}")
    return LeafFiles(identity, Path(files.certificate), Path(files.key), Path(files.trusted), Path(files.revoked))
