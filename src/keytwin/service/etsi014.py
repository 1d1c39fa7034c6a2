"""The face of ETSI GS QKD 014 V1.1.1: requests become questions to the key manager, and its replies answers.

The order of the checks: what was sent (404, 405, 413, 414, 415, 400: `decode`), what status allows (400: `admit`), what
the key manager says (400, 401, 503: `encode`). Whatever is refused before the last has consumed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET

from keytwin.service import etsi014_errors as errors
from keytwin.service.encoding import key_container
from keytwin.service.etsi014_values import LIMITS, Ask, AskKeys, AskKeysById, AskStatus, Limits
from keytwin.service.etsi014_wire import (
    DEC_KEYS,
    PREFIX,
    ROUTES,
    STATUS,
    KeyIds,
    KeyRequest,
    NamedKey,
    Route,
    Status,
)
from keytwin.service.http import (
    JSON,
    NO_STORE,
    Header,
    Request,
    Response,
    json_response,
    known_parameters,
    parse_integer,
    percent_decoded,
)
from keytwin.service.origin import told_of
from keytwin.service.strict_json import read_json
from keytwin.service.usual_ids import LEVELS, usual_key_ids
from keytwin.vocabulary.errors import Mistake, Violation
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused, PoolStatus
from keytwin.vocabulary.identity import KeyId, SaeId, is_uuid, parse_key_ids, parse_sae
from keytwin.vocabulary.key import Key, Provenance
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits

Declared = TypeVar("Declared", KeyRequest, KeyIds)

NAMING: Final = "?key_ID="
FACE: Final = "the limit of this face"
MOST_PATHS: Final = 4_096  # kept read: three for each pair of SAEs that talk
LONGEST_KEPT: Final = 256  # characters: what is kept of strangers takes little room
CONTAINER_HEADERS: Final[tuple[Header, ...]] = (("Content-Type", JSON), NO_STORE)


def decode(identity: SaeId, request: Request, limits: Limits = LIMITS) -> Ask | Response:
    """Return what the SAE asks, or why it cannot be understood; `identity` comes from its certificate."""
    target = request.target
    is_plain = request.method == "GET" and not request.body and limits is LIMITS
    if not is_plain or len(target) > LONGEST_KEPT:
        return _decode(identity, request, limits)
    path, _, key_id = target.partition(NAMING)
    if is_uuid(key_id):  # it does not come again, but what stands before it does
        master = _master_of(path)
        if master is not None:
            return AskKeysById(identity, master, (KeyId(key_id),))
    elif DEC_KEYS.name not in target:
        return _decode_again(identity, target)
    return _decode(identity, request, limits)


# What a target says depends on nothing else: the same few come again and again.
@lru_cache(maxsize=MOST_PATHS)
def _decode_again(identity: SaeId, target: str) -> Ask | Response:
    return _decode(identity, Request("GET", target), LIMITS)


def _decode(identity: SaeId, request: Request, limits: Limits) -> Ask | Response:
    route = _route(request, limits)
    if isinstance(route, Response):
        return route
    try:
        peer = _peer_of(request.path, route)
        if route is STATUS:
            _no_body(request)
            return AskStatus(identity, peer)
        if route is DEC_KEYS:
            return _ask_by_id(identity, peer, _spelt_ids(request, limits), limits)
        return _ask_keys(identity, peer, _key_request(request, limits), limits)
    except Mistake as mistake:
        return errors.error(400, str(mistake))


def admit(ask: AskStatus | AskKeys, pool: PoolStatus | None) -> Response | None:
    """Refuse what status does not allow, None = go on; `pool` None = the two SAEs have no keys in common."""
    if pool is None:
        return errors.error(400, errors.SLAVE_UNKNOWN)
    if isinstance(ask, AskStatus):
        return None
    beyond = _beyond(
        ("number", ask.number, "max_key_per_request", pool.max_key_per_request),
        ("additional_slave_SAE_IDs", len(ask.further_slaves), "max_SAE_ID_count", pool.max_sae_id_count),
        ("size", ask.size or 0, "max_key_size", pool.max_key_size),
    )
    if beyond is not None:
        return beyond
    if ask.size is not None and ask.size < pool.min_key_size:
        return errors.error(400, "size is below min_key_size", ("min_key_size", pool.min_key_size))
    return None


def encode(ask: Ask, reply: Message) -> Response:
    """Return the answer; the keys of a delivery are wiped, and the answer that holds them is to be wiped once written.

    Violation when the reply does not fit what was asked.
    """
    try:
        return _answer(ask, reply)
    finally:  # whether they fit or not, the keys end here
        if isinstance(reply, KeyDelivered):
            for key in reply.keys:
                key.material.wipe()


# --- what was sent ----------------------------------------------------------------------------------------------------


def _route(request: Request, limits: Limits) -> Route | Response:
    """Find the method, and refuse what is wrong with the request as a whole."""
    if len(request.target) > limits.target:
        return errors.TARGET_TOO_LONG
    route = _route_of(request.path)
    if route is None:
        return errors.NOT_FOUND
    if request.method not in route.methods:
        return errors.error(405, "no such method here", headers=(("Allow", ", ".join(route.methods)),))
    if len(request.body) > limits.body:
        return errors.BODY_TOO_LARGE
    if request.body and request.method == "POST" and not request.is_json:
        return errors.NOT_JSON
    return route


# A client's paths are few and come again and again: what they say is read once.
@lru_cache(maxsize=MOST_PATHS)
def _route_of(path: str) -> Route | None:
    segments = tuple(path.split("/"))
    return ROUTES.get(segments[-1]) if segments[:-2] == PREFIX else None


@lru_cache(maxsize=MOST_PATHS)
def _master_of(path: str) -> SaeId | None:
    """Return whose keys are fetched by a path without fault, None = for the strict reader."""
    try:
        return _peer_of(path, DEC_KEYS) if _route_of(path) is DEC_KEYS else None
    except Mistake:
        return None


@lru_cache(maxsize=MOST_PATHS)
def _peer_of(path: str, route: Route) -> SaeId:
    return _sae(percent_decoded(path.split("/")[len(PREFIX)]), route.peer)


def _key_request(request: Request, limits: Limits) -> KeyRequest:
    """Read what may stand in the query of a GET, or in the body of a POST."""
    given = _query(request, ("number", "size"))
    # Whoever sends both would be surprised by either: with a POST the query is empty, with a GET the body.
    if request.method == "POST":
        return _declared(read_json(request.body or b"{}", limits.depth), KeyRequest)
    _no_body(request)
    if not given:
        return KeyRequest()
    return _declared({name: parse_integer(name, value) for name, value in given.items()}, KeyRequest)


def _spelt_ids(request: Request, limits: Limits) -> Sequence[str]:
    usual = usual_key_ids(request) if limits.depth >= LEVELS else None
    return [each.key_id for each in _key_ids(request, limits).key_ids] if usual is None else usual


def _key_ids(request: Request, limits: Limits) -> KeyIds:
    given = _query(request, ("key_ID",))
    if request.method == "POST":
        return _declared(read_json(request.body or b"{}", limits.depth), KeyIds)
    _no_body(request)
    if not given:
        raise Mistake("key_ID is missing")
    return KeyIds((NamedKey(given["key_ID"]),))


def _query(request: Request, known: Sequence[str]) -> dict[str, str]:
    """Return the known parameters; others are passed over, as unknown members of a body are."""
    given = known_parameters(request.query, known)
    if given and request.method == "POST":
        raise Mistake("what a POST asks for stands in its body, not in the query")
    return given


def _no_body(request: Request) -> None:
    if request.body:  # RFC 9110, 9.3.1: it has no meaning, and what has none is a way to smuggle
        raise Mistake("a GET request has no body")


def _declared(value: object, kind: type[Declared]) -> Declared:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as wrong:
        raise Mistake(str(wrong)) from None


def _sae(text: str, where: str) -> SaeId:
    try:
        return parse_sae(text)
    except Mistake:
        raise Mistake(f"{where} is no SAE ID of this network") from None


# --- what is asked ----------------------------------------------------------------------------------------------------


def _ask_keys(master: SaeId, slave: SaeId, wanted: KeyRequest, limits: Limits) -> AskKeys | Response:
    size = None if wanted.size is UNSET else Bits(wanted.size)
    if size is not None and size % BITS_PER_BYTE:
        return errors.error(400, errors.NOT_MULTIPLE_OF_8)
    beyond = _beyond(
        ("number", wanted.number, FACE, limits.keys),
        ("size", size or 0, FACE, limits.key_size),
        ("additional_slave_SAE_IDs", len(wanted.additional_slave_sae_ids), FACE, limits.slaves),
    )
    if beyond is not None:
        return beyond
    further = tuple(_sae(text, "additional_slave_SAE_IDs") for text in wanted.additional_slave_sae_ids)
    if len({slave, *further}) <= len(further):
        raise Mistake("a slave SAE is named twice")
    # Last of all: an answer that names extensions tells the caller that the rest of the request is right.
    unknown = [name for extension in wanted.extension_mandatory for name in extension]
    if unknown:
        return errors.mandatory_unknown(unknown)
    return AskKeys(master, slave, wanted.number, size, further)


def _ask_by_id(slave: SaeId, master: SaeId, wanted: Sequence[str], limits: Limits) -> AskKeysById | Response:
    beyond = _beyond(("key_IDs", len(wanted), FACE, limits.keys))
    if beyond is not None:
        return beyond
    # Each key has one spelling before it is looked up or compared: aliases would get around both.
    key_ids = parse_key_ids(wanted)
    if len(set(key_ids)) != len(key_ids):
        raise Mistake("key_IDs names a key twice")
    return AskKeysById(slave, master, key_ids)


def _beyond(*checks: tuple[str, int, str, int]) -> Response | None:
    """Refuse the first member whose value is above its most; each is (member, value, name of the limit, most)."""
    for member, value, limit, most in checks:
        if value > most:
            return errors.error(400, f"{member} is above {limit}", ("most", most))
    return None


# --- what is answered -------------------------------------------------------------------------------------------------


def _answer(ask: Ask, reply: Message) -> Response:
    match ask, reply:
        case _, KeyRefused():
            return errors.refused(reply, _requested(ask))
        case AskStatus(), PoolStatus():
            return json_response(200, _status(ask, reply))
        case AskKeys() | AskKeysById(), KeyDelivered():
            return _container(ask, reply.keys)
        case _:
            raise Violation(f"{type(reply).__name__} does not answer {type(ask).__name__}")


def _requested(ask: Ask) -> int:
    match ask:
        case AskStatus():
            return 0
        case AskKeys():
            return ask.number
        case AskKeysById():
            return len(ask.key_ids)


def _status(ask: AskStatus, pool: PoolStatus) -> Status:
    return Status(
        source_kme_id=pool.source,
        target_kme_id=pool.target,
        master_sae_id=ask.master,
        slave_sae_id=ask.slave,
        key_size=pool.key_size,
        stored_key_count=pool.stored_key_count,
        max_key_count=pool.max_key_count,
        max_key_per_request=pool.max_key_per_request,
        max_key_size=pool.max_key_size,
        min_key_size=pool.min_key_size,
        max_sae_id_count=pool.max_sae_id_count,
    )


def _container(ask: AskKeys | AskKeysById, keys: Sequence[Key]) -> Response:
    """Write a key container around the keys, whose octets never are in a `str` or `bytes`."""
    if len(keys) != _requested(ask):
        raise Violation(f"{_requested(ask)} keys were asked for and {len(keys)} delivered")
    if isinstance(ask, AskKeysById) and tuple(key.key_id for key in keys) != ask.key_ids:
        raise Violation("other keys were delivered than were asked for")
    if isinstance(ask, AskKeys) and ask.size and any(key.material.size != ask.size for key in keys):
        raise Violation(f"keys of another size than {ask.size} bits were delivered")
    return Response(200, CONTAINER_HEADERS, key_container(keys, _extension))


@cache
def _extension(provenance: Provenance) -> msgspec.Raw:
    """Return what is told of a key's origin: as many texts as there are kinds of origin."""
    return msgspec.Raw(msgspec.json.encode(told_of(provenance)))
