"""Questions to a key manager that is not ours: HTTP/1.1 over mutual TLS, and whatever comes back is kept as it came.

A key manager that is examined may do anything: break off, answer with HTML, hand out keys where it should refuse.
Nothing of that is an error here; what it means is for the checks to say.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import client
from pathlib import Path
from typing import Final, Protocol, TypeAlias
from urllib.parse import quote, urlsplit

from keytwin.service.etsi014_wire import PREFIX
from keytwin.service.http import JSON
from keytwin.vocabulary.errors import Mistake

PATIENCE: Final = 30.0  # seconds for one answer
LARGEST_ANSWER: Final = 4 * 1024 * 1024  # octets: far above 128 keys of 32,768 bits in base64


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `status` 0 = nothing did, and `why` says what stood between. The body may hold key."""

    status: int
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)
    why: str = ""
    retry_after: int | None = None
    is_refused_in_tls: bool = False

    @property
    def told(self) -> str:
        """What came back, in two or three words, and nothing of the body."""
        return str(self.status) if self.status else f"no answer ({self.why})"


@dataclass(frozen=True, slots=True)
class Papers:
    """The files with which an SAE comes (PEM): its certificate, with what stands above it, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Party:
    """One SAE at the face of its key manager, and whose authority it trusts (PEM); `papers` None = we cannot be it."""

    sae: str
    url: str
    trusted: Path
    papers: Papers | None


class Asker(Protocol):
    """Whoever can put a question to a face."""

    def ask(self, verb: str, target: str, body: bytes | None = None) -> Reply:
        """Ask and give what came back."""
        ...


Visit: TypeAlias = Callable[[Party], Asker]


class Visitor:
    """Asks one face with one certificate, or with none; a new connection for each question."""

    def __init__(self, url: str, trusted: Path, papers: Papers | None) -> None:
        self._host, self._port = address_of(url)
        self._context = context_of(trusted, papers)

    def ask(self, verb: str, target: str, body: bytes | None = None) -> Reply:
        """Ask and give what came back."""
        connection = client.HTTPSConnection(self._host, self._port, timeout=PATIENCE, context=self._context)
        try:
            connection.request(verb, target, body, {} if body is None else {"Content-Type": JSON})
            return _reply(connection.getresponse())
        except (OSError, client.error) as error:
            return unanswered(error)
        finally:
            connection.close()


def visitor_of(party: Party) -> Visitor:
    """Return one who asks as this SAE; as nobody, where its certificate is not there."""
    return Visitor(party.url, party.trusted, party.papers)


def address_of(url: str) -> tuple[str, int | None]:
    """Return host and port of a face; Mistake when the URL is more or less than the standard has before its paths."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Mistake(f"{url!r} is no URL: it is https://HOST or https://HOST:PORT") from None
    is_bare = parts.path in {"", "/"} and not parts.query and not parts.fragment and parts.username is None
    if parts.scheme != "https" or not parts.hostname or not is_bare:
        raise Mistake(
            f"{url!r} is no face of ETSI GS QKD 014: it is https://HOST or https://HOST:PORT, "
            f"and {'/'.join(PREFIX)} follows by itself"
        )
    return parts.hostname, port


def unanswered(error: Exception) -> Reply:
    """Return what stood between a question and its answer."""
    if isinstance(error, ssl.SSLCertVerificationError):  # it is we who refuse
        return Reply(0, why=f"certificate verify failed: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        # TLS 1.3: a client hears at its first read that its certificate was refused (RFC 8446 clause 4.4.2).
        return Reply(0, why=(error.reason or "TLS failed").lower().replace("_", " "), is_refused_in_tls=True)
    is_cut = isinstance(error, ConnectionResetError | BrokenPipeError)  # how some refuse a certificate
    return Reply(0, why=str(error) or type(error).__name__, is_refused_in_tls=is_cut)


def target_of(peer: str, method: str, query: Mapping[str, object] | None = None) -> str:
    """Return the target of a method, with the SAE in its path percent-encoded."""
    asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in (query or {}).items())
    return "/".join((*PREFIX, quote(peer, safe=""), method)) + (f"?{asked}" if asked else "")


def _reply(response: client.HTTPResponse) -> Reply:
    octets = response.read(LARGEST_ANSWER + 1)
    if len(octets) > LARGEST_ANSWER:
        return Reply(0, why=f"more than {LARGEST_ANSWER} octets")
    later = response.getheader("Retry-After", "")
    wait = int(later) if later.isascii() and later.isdigit() and len(later) < len("100000") else None
    return Reply(response.status, response.getheader("Content-Type", ""), octets, retry_after=wait)


def context_of(trusted: Path, papers: Papers | None) -> ssl.SSLContext:
    """Make the context of a careful stranger: it has no revocation list of the key manager's authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cafile=str(trusted))
    except (ssl.SSLError, OSError) as error:
        raise Mistake(f"'{trusted}' holds no certificate of an authority to trust: name a file in PEM") from error
    if papers is not None:
        try:
            context.load_cert_chain(papers.certificate, papers.key, password="")  # else OpenSSL asks at the terminal
        except (ssl.SSLError, OSError) as error:
            raise Mistake(
                f"'{papers.certificate}' and '{papers.key}' are no certificate and key that go together, in PEM"
            ) from error
    return context
