"""Refusals of ETSI GS QKD 014 V1.1.1 (Tables 4, 6, 8 and 13): codes, exact messages, and the Reasons behind them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from keytwin.service.etsi014_wire import Error, JsonValue
from keytwin.service.http import Header, Response, json_response
from keytwin.vocabulary.exchange_messages import KeyRefused
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND

# The words of the standard: clients compare them.
NOT_MULTIPLE_OF_8: Final = "size shall be a multiple of 8"
MANDATORY_UNKNOWN: Final = "not all extension_mandatory parameters are supported"
KEYS_NOT_FOUND: Final = "one or more keys specified are not found on KME"
# Ours, where the standard says only which code.
INSUFFICIENT_KEYS: Final = "insufficient keys"
SLAVE_UNKNOWN: Final = "slave_SAE_ID is not known, or has no keys in common with the caller"
FURTHER_UNKNOWN: Final = "one of additional_slave_SAE_IDs is not known, or has no keys in common with the caller"
NEVER_POSSIBLE: Final = "more key than may ever be asked for at once"

SHORTEST_WAIT: Final = 1  # seconds of Retry-After
LONGEST_WAIT: Final = 3_600
MOST_DETAILS: Final = 16  # of one answer
LONGEST_ECHO: Final = 64  # characters of a caller's own words in an answer

_BAD_REQUEST: Final = MappingProxyType({Reason.KEY_UNKNOWN: KEYS_NOT_FOUND, Reason.TOO_LARGE: NEVER_POSSIBLE})
_SHORT_OF_KEY: Final = frozenset({Reason.KEY_UNAVAILABLE, Reason.TIMED_OUT})


def error(status: int, message: str, *details: tuple[str, JsonValue], headers: tuple[Header, ...] = ()) -> Response:
    """Return an Error; each detail is a name and a value."""
    told = tuple({name: value} for name, value in details[:MOST_DETAILS])
    return json_response(status, Error(message, told), *headers)


def unauthorised() -> Response:
    """Return the answer to whom keys are not for, or who is nobody: it has no body and tells nothing."""
    return Response(401)


def further_unknown() -> Response:
    """Refuse a multicast to somebody with whom the caller has nothing in common; nobody gets anything then."""
    return error(400, FURTHER_UNKNOWN)


def mandatory_unknown(names: list[str]) -> Response:
    """Refuse extensions that the caller insists on."""
    told = (f"{name[:LONGEST_ECHO]} is not supported" for name in names)
    return error(400, MANDATORY_UNKNOWN, *(("extension_mandatory_unsupported", each) for each in told))


def refused(reply: KeyRefused, requested: int) -> Response:
    """Put what the key manager refused into the standard's codes; what time may mend is 503 with Retry-After."""
    if reply.reason is Reason.NOT_ALLOWED:
        return unauthorised()
    if reply.reason in _BAD_REQUEST:
        return error(400, _BAD_REQUEST[reply.reason])
    wait = -(-reply.retry_after // NANOSECONDS_PER_SECOND)
    retry_after = ("Retry-After", str(min(LONGEST_WAIT, max(SHORTEST_WAIT, wait))))
    if reply.reason in _SHORT_OF_KEY:
        return error(503, INSUFFICIENT_KEYS, ("requested", requested), headers=(retry_after,))
    return error(503, reply.reason.value, headers=(retry_after,))


NOT_FOUND: Final = error(404, "no such resource")
TARGET_TOO_LONG: Final = error(414, "the target is too long")
BODY_TOO_LARGE: Final = error(413, "the body is too large")
NOT_JSON: Final = error(415, "the body shall be application/json in UTF-8")
