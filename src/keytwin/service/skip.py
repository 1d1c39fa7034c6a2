"""The SKIP face, draft-cisco-skip-02: requests become questions to the key manager, and its replies answers.

The draft's codes are 200, 400, 404, 405 and 503; it has none for a key that is still being made, which is 503 with
Retry-After here, as in ETSI GS QKD 014. Errors have a body in the format of that document. Whatever is refused before
the key manager is asked has consumed nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from keytwin.service import etsi014_errors as errors
from keytwin.service.encoding import join_and_wipe, quoted_hex
from keytwin.service.etsi014_values import AskKeys, AskKeysById
from keytwin.service.http import (
    JSON,
    NO_STORE,
    Header,
    Request,
    Response,
    json_response,
    known_parameters,
    parse_integer,
)
from keytwin.service.skip_values import (
    ALGORITHM,
    KEY_ID_OCTETS,
    SKIP_LIMITS,
    Ask,
    AskCapabilities,
    AskEntropy,
    Capabilities,
    SkipLimits,
    hex_of,
    key_id_of,
)
from keytwin.vocabulary.errors import Mistake, Violation
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import SaeId
from keytwin.vocabulary.key import DEFAULT_KEY_SIZE, Key, KeyMaterial
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits

CAPABILITIES: Final = "capabilities"
KEY: Final = "key"
ENTROPY: Final = "entropy"
REMOTE: Final = "remoteSystemID"
METHODS: Final = frozenset({CAPABILITIES, KEY, ENTROPY})
_ROOTS: Final = tuple(f"/{name}" for name in sorted(METHODS))

FACE: Final = "the limit of this face"
NOT_FOUND: Final = errors.error(400, "the key is not found")
REMOTE_UNKNOWN: Final = errors.error(400, f"{REMOTE} is none of those that GET /{CAPABILITIES} tells")
SECRET_HEADERS: Final[tuple[Header, ...]] = (("Content-Type", JSON), NO_STORE)

_NO_KEY_OF_YOURS: Final = frozenset({Reason.KEY_UNKNOWN, Reason.NOT_ALLOWED})
_HEXADECIMAL: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+", flags=re.ASCII)


def is_skip(request: Request) -> bool:
    """Whether the first segment of the path is one of the draft's: what then is wrong with it is told by this face."""
    # The prefix decides nearly always, and costs the other face next to nothing.
    return request.target.startswith(_ROOTS) and request.path.split("/", 2)[1] in METHODS


def decode(
    local: SaeId, peers: Collection[SaeId], request: Request, limits: SkipLimits = SKIP_LIMITS
) -> Ask | Response:
    """Return what the encryptor asks, or why it cannot be understood; `local` comes from its certificate."""
    segments = request.path.split("/")[1:]
    fault = _fault(segments, request, limits)
    if fault is not None:
        return fault
    try:
        match segments:
            case ["capabilities"]:
                return AskCapabilities(local)
            case ["entropy"]:
                return _ask_entropy(request.query, limits)
            case _:
                return _ask_key(local, peers, segments[1:], request.query, limits)
    except Mistake as mistake:
        return errors.error(400, str(mistake))


def capabilities(ask: AskCapabilities, peers: Sequence[SaeId]) -> Response:
    """Tell what there is for the caller: names of its peers, none of which is a pattern."""
    told = Capabilities(entropy=True, key=True, algorithm=ALGORITHM, local=ask.local, remote=tuple(peers))
    return json_response(200, told)


def entropy(ask: AskEntropy, octets: bytearray) -> Response:
    """Return random octets, which are overwritten; the answer is to be wiped once written."""
    assert len(octets) == ask.octets
    material = KeyMaterial(octets)
    text = quoted_hex(material)
    material.wipe()
    pieces: list[bytes | bytearray] = [b'{"randomStr":', text, b',"minentropy":%d}' % (len(octets) * BITS_PER_BYTE)]
    return Response(200, SECRET_HEADERS, join_and_wipe(pieces))


def encode(ask: AskKeys | AskKeysById, reply: Message) -> Response:
    """Return the answer; the key of a delivery is wiped, and the answer that holds it is to be wiped once written.

    Violation when the reply does not fit what was asked.
    """
    try:
        return _answer(ask, reply)
    finally:  # whether they fit or not, the keys end here
        if isinstance(reply, KeyDelivered):
            for key in reply.keys:
                key.material.wipe()


# --- what was sent ----------------------------------------------------------------------------------------------------


def _fault(segments: Sequence[str], request: Request, limits: SkipLimits) -> Response | None:
    """Find what is wrong with the request as a whole."""
    if len(request.target) > limits.target:
        return errors.TARGET_TOO_LONG
    if not is_skip(request) or len(segments) > (2 if segments[0] == KEY else 1) or not segments[-1]:
        return errors.NOT_FOUND
    if request.method != "GET":
        return errors.error(405, "no such method here", headers=(("Allow", "GET"),))
    if len(request.body) > limits.body:
        return errors.BODY_TOO_LARGE
    if request.body:  # RFC 9110, 9.3.1: it has no meaning, and what has none is a way to smuggle
        return errors.error(400, "a GET request has no body")
    return None


def _ask_entropy(query: str, limits: SkipLimits) -> AskEntropy | Response:
    wanted = _amount("minentropy", known_parameters(query, ("minentropy",)), limits.entropy)
    if isinstance(wanted, Response):
        return wanted
    return AskEntropy() if wanted is None else AskEntropy(wanted)


def _ask_key(
    local: SaeId, peers: Collection[SaeId], key_id: Sequence[str], query: str, limits: SkipLimits
) -> AskKeys | AskKeysById | Response:
    given = known_parameters(query, (REMOTE,) if key_id else (REMOTE, "size"))
    if REMOTE not in given:
        raise Mistake(f"{REMOTE} is missing")
    remote = SaeId(given[REMOTE])
    if remote not in peers:
        return REMOTE_UNKNOWN
    if key_id:
        return _ask_by_id(local, remote, key_id[0])
    size = _amount("size", given, limits.key_size)
    if isinstance(size, Response):
        return size
    if size is not None and size % BITS_PER_BYTE:
        return errors.error(400, errors.NOT_MULTIPLE_OF_8)
    return AskKeys(local, remote, 1, DEFAULT_KEY_SIZE if size is None else size)


def _ask_by_id(local: SaeId, remote: SaeId, digits: str) -> AskKeysById | Response:
    """Read an identifier in either case and of any length: the draft's own example has 192 bits, in both cases."""
    if not _HEXADECIMAL.fullmatch(digits):
        raise Mistake("a keyId is hexadecimal digits, two for each octet")
    if len(digits) != 2 * KEY_ID_OCTETS:
        return NOT_FOUND
    return AskKeysById(local, remote, (key_id_of(digits),))


def _amount(name: str, given: dict[str, str], most: Bits) -> Bits | Response | None:
    """Return a number of bits, None = it is not there."""
    if name not in given:
        return None
    value = parse_integer(name, given[name])
    if not value:
        raise Mistake(f"{name} shall be at least 1")
    return Bits(value) if value <= most else errors.error(400, f"{name} is above {FACE}", ("most", most))


# --- what is answered -------------------------------------------------------------------------------------------------


def _answer(ask: AskKeys | AskKeysById, reply: Message) -> Response:
    match reply:
        case KeyRefused():
            # The draft has no code for somebody else's key: it is none of yours, and you learn no more.
            is_lost = isinstance(ask, AskKeysById) and reply.reason in _NO_KEY_OF_YOURS
            return NOT_FOUND if is_lost else errors.refused(reply, 1)
        case KeyDelivered(keys=(key,)):
            return _key(ask, key)
        case KeyDelivered():
            raise Violation(f"one key was asked for and {len(reply.keys)} delivered")
        case _:
            raise Violation(f"{type(reply).__name__} does not answer {type(ask).__name__}")


def _key(ask: AskKeys | AskKeysById, key: Key) -> Response:
    """Write the key, whose octets never are in a `str` or `bytes`."""
    if isinstance(ask, AskKeysById) and (key.key_id,) != ask.key_ids:
        raise Violation("another key was delivered than was asked for")
    if isinstance(ask, AskKeys) and key.material.size != ask.size:
        raise Violation(f"a key of another size than {ask.size} bits was delivered")
    head = b'{"keyId":"%b","key":' % hex_of(key.key_id).encode()
    return Response(200, SECRET_HEADERS, join_and_wipe((head, quoted_hex(key.material), b"}")))
