"""The operator face: status, events, metrics, faults, trust and certificates, as JSON over HTTP (RFC 9110).

Who may ask is settled before: only a certificate of the operator's role gets here. The order of the checks: 414, 404,
405, 413, 415, 400; then the network itself: a Mistake is 400, a Refusal 503 to a question and 409 to a command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import msgspec

from keytwin.service.http import JSON, NO_STORE, Header, Request, Response, json_response, parameters
from keytwin.service.operator_values import (
    Done,
    Enrolment,
    EventPage,
    Fault,
    Issued,
    NetworkStatus,
    Problem,
    Revoked,
    Trust,
)
from keytwin.service.strict_json import LONGEST_INTEGER, read_json
from keytwin.vocabulary.errors import Mistake, Refusal
from keytwin.vocabulary.identity import LinkId, NodeId, SaeId, parse_link, parse_node, parse_sae
from keytwin.vocabulary.operator_messages import LEAST_ERROR_RATE, MOST_ERROR_RATE

LONGEST_TARGET: Final = 4_096  # characters
LARGEST_BODY: Final = 65_536  # octets: a certificate request has some hundred
DEEPEST: Final = 4  # levels of a body: none needs more than one
MOST_EVENTS: Final = 1_000  # in one answer, a few hundred octets each
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"  # the text format of Prometheus
RETRY_LATER: Final[Header] = ("Retry-After", "1")  # seconds

T = TypeVar("T", bound=msgspec.Struct)
Handler = Callable[[Request, "Operations"], Response]

# No sign, no space, no leading zero: one number, one spelling.
_INTEGER: Final = re.compile(rf"0|[1-9][0-9]{{0,{LONGEST_INTEGER - 1}}}", flags=re.ASCII)


class Operations(Protocol):
    """What a live network lets its operator do.

    Each raises Mistake for a name that is not in the network, with the nearest that is, and Refusal for what cannot
    be done now.
    """

    def status(self) -> NetworkStatus:
        """Return the network as it stands."""
        ...

    def events(self, after: int, limit: int) -> EventPage:
        """Return at most `limit` events whose number is above `after`."""
        ...

    def cut(self, link: LinkId) -> None:
        """Let no light through a link's quantum channel."""
        ...

    def attack(self, link: LinkId, error_rate: float) -> None:
        """Tamper with a link's light: each sifted bit is flipped with that probability, up to one half."""
        ...

    def heal(self, link: LinkId) -> None:
        """Let the light through again, untampered."""
        ...

    def trust(self, node: NodeId, *, trusted: bool) -> None:
        """Say whether keys may go by way of a node."""
        ...

    def issue(self, sae: SaeId, request_pem: bytes | None) -> Issued:
        """Issue a certificate to a declared SAE, for the key of its request if there is one."""
        ...

    def revoke(self, sae: SaeId) -> Revoked:
        """Deny every certificate of an SAE and close its connections."""
        ...

    def metrics(self) -> str:
        """Return all metrics in the text format of Prometheus."""
        ...

    def stop(self) -> None:
        """Begin to stop the network; the answer to this request still goes out."""
        ...


def answer(request: Request, operations: Operations) -> Response:
    """Do what the operator asks and say so, or say why not."""
    handler = _handler(request)
    if isinstance(handler, Response):
        return handler
    try:
        return handler(request, operations)
    except Mistake as mistake:
        return _problem(400, str(mistake))
    except Refusal as refusal:
        # 409 for a command: libraries repeat what was answered with 503, and a command is not theirs to repeat.
        return _problem(503, str(refusal), RETRY_LATER) if request.method == "GET" else _problem(409, str(refusal))


# --- what was sent ----------------------------------------------------------------------------------------------------


def _handler(request: Request) -> Handler | Response:
    """Find who answers, and refuse what is wrong with the request as a whole."""
    if len(request.target) > LONGEST_TARGET:
        return _problem(414, f"the target is longer than {LONGEST_TARGET} characters")
    methods = ROUTES.get(request.path)
    if methods is None:
        return _problem(404, f"no such resource; there are {', '.join(ROUTES)}")
    handler = methods.get(request.method)
    if handler is None:
        allowed = ", ".join(methods)
        return _problem(405, f"here the method is {allowed}", ("Allow", allowed))
    if len(request.body) > LARGEST_BODY:
        return _problem(413, f"the body is larger than {LARGEST_BODY} octets")
    if request.method == "GET" and request.body:
        return _problem(400, "a GET request has no body")
    # Asked of every command, also of one without content: no web page can make a browser send it unasked.
    if request.method == "POST" and not request.is_json:
        return _problem(415, f"a command is sent as {JSON} in UTF-8, not compressed")
    return handler


def _body(request: Request, kind: type[T]) -> T:
    value = read_json(request.body, DEEPEST)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as wrong:
        raise Mistake(f"the body is not understood: {wrong}") from None


def _no_parameters(request: Request) -> None:
    _parameters(request, {})


def _parameters(request: Request, usual: Mapping[str, int]) -> dict[str, int]:
    """Return the whole numbers of a query; what is not given is as usual."""
    given = parameters(request.query)
    known = f"; known: {', '.join(usual)}" if usual else ""
    for name, value in given:
        if name not in usual:
            raise Mistake(f"unknown parameter {name[:64]!r}{known}")
        if not _INTEGER.fullmatch(value):
            raise Mistake(f"{name} is a whole number in decimal digits")
    if len(dict(given)) != len(given):
        raise Mistake("the query names a parameter twice")
    return {**usual, **{name: int(value) for name, value in given}}


def _problem(status: int, message: str, *headers: Header) -> Response:
    return json_response(status, Problem(message), *headers)


# --- what is answered -------------------------------------------------------------------------------------------------


def _status(request: Request, operations: Operations) -> Response:
    _no_parameters(request)
    return json_response(200, operations.status())


def _events(request: Request, operations: Operations) -> Response:
    given = _parameters(request, {"after": 0, "limit": MOST_EVENTS})
    if not 1 <= given["limit"] <= MOST_EVENTS:
        raise Mistake(f"limit is from 1 to {MOST_EVENTS}")
    return json_response(200, operations.events(given["after"], given["limit"]))


def _metrics(request: Request, operations: Operations) -> Response:
    _no_parameters(request)
    return Response(200, (("Content-Type", METRICS_TYPE), NO_STORE), operations.metrics().encode())


def _fault(request: Request, operations: Operations) -> Response:
    _no_parameters(request)
    fault = _body(request, Fault)
    link = parse_link(fault.link)
    if fault.action != "attack" and fault.error_rate is not None:
        raise Mistake("an error_rate goes with the action 'attack' alone")
    match fault.action:
        case "cut":
            operations.cut(link)
            return json_response(200, Done(f"the quantum channel of {link} is cut"))
        case "attack":
            rate = _error_rate(fault)
            operations.attack(link, rate)
            return json_response(200, Done(f"an attack flips {rate * 100:.4g} % of the bits of {link}"))
        case "heal":
            operations.heal(link)
            return json_response(200, Done(f"the quantum channel of {link} is whole"))


def _error_rate(fault: Fault) -> float:
    rate = fault.error_rate
    if rate is None or not LEAST_ERROR_RATE <= rate <= MOST_ERROR_RATE:
        raise Mistake(f"an attack has an error_rate from {LEAST_ERROR_RATE} to {MOST_ERROR_RATE}: half is a coin toss")
    return rate


def _trust(request: Request, operations: Operations) -> Response:
    _no_parameters(request)
    trust = _body(request, Trust)
    node = parse_node(trust.node)
    operations.trust(node, trusted=trust.trusted)
    return json_response(200, Done(f"{node} is {'trusted' if trust.trusted else 'trusted no longer'}"))


def _sae(request: Request, operations: Operations) -> Response:
    _no_parameters(request)
    enrolment = _body(request, Enrolment)
    sae = parse_sae(enrolment.sae)
    match enrolment.action:
        case "issue":
            pem = None if enrolment.request is None else enrolment.request.encode()
            return json_response(200, operations.issue(sae, pem))
        case "revoke":
            if enrolment.request is not None:
                raise Mistake("a certificate request goes with the action 'issue' alone")
            return json_response(200, operations.revoke(sae))


def _stop(request: Request, operations: Operations) -> Response:
    _no_parameters(request)
    if read_json(request.body or b"{}", DEEPEST) != {}:
        raise Mistake("to stop takes no members: send {}")
    operations.stop()
    return json_response(200, Done("the network stops"))


ROUTES: Final[Mapping[str, Mapping[str, Handler]]] = MappingProxyType(
    {
        "/v1/status": {"GET": _status},
        "/v1/events": {"GET": _events},
        "/metrics": {"GET": _metrics},
        "/v1/faults": {"POST": _fault},
        "/v1/trust": {"POST": _trust},
        "/v1/saes": {"POST": _sae},
        "/v1/stop": {"POST": _stop},
    }
)
"""The whole face: path, then method."""
