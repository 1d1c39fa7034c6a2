"""Who is asked what for each method of ETSI GS QKD 014 V1.1.1 (Table 2): the standing SAE for limits, then the KM.

Nobody is asked anything before the whole request has been checked. A conversation that waits holds no key: keys come
in, are encoded and wiped in one step, so one that is closed loses none un-wiped. A delivery that is still under way
when the SAE has gone is wiped by whoever would have handed it in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from keytwin.service.conversation import Conversation, Face, Question, discard
from keytwin.service.etsi014 import admit, decode, encode
from keytwin.service.etsi014_errors import further_unknown, unauthorised
from keytwin.service.etsi014_values import LIMITS, AskKeys, AskKeysById, AskStatus, Limits
from keytwin.service.http import Request, Response
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import (
    GetPoolStatus,
    GetSharedKey,
    KeyDelivered,
    KeyRefused,
    PoolStatus,
    PoolUnknown,
)
from keytwin.vocabulary.identity import ElementName, NodeId, SaeId, km_of, sae_element
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.units import Duration


@dataclass(frozen=True, slots=True)
class FaceSetup:
    """One node's face: its SAEs, where replies go, and how long a master may wait for keys that are being made."""

    node: NodeId
    reply_to: ElementName
    saes: frozenset[SaeId]
    patience: Duration
    limits: Limits = LIMITS


def etsi014_face(setup: FaceSetup) -> Face:
    """Return the face of a node."""
    return partial(converse, setup)


def converse(face: FaceSetup, name: str, request: Request, request_id: RequestId) -> Conversation | Response:
    """Return the answer to a request that goes no further, or the conversation that leads to one.

    An SAE of another node is nobody here: 401, whatever it asks.
    """
    sae = SaeId(name)
    if sae not in face.saes:
        return unauthorised()
    ask = decode(sae, request, face.limits)
    match ask:
        case Response():
            return ask
        case AskKeysById():
            return _by_id(face, ask, request_id)
        case _:
            return _as_master(face, ask, request_id)


def _by_id(face: FaceSetup, ask: AskKeysById, request_id: RequestId) -> Conversation:
    reply = yield Question(km_of(face.node), ask.message(request_id, face.reply_to))
    return encode(ask, reply)


def _as_master(face: FaceSetup, ask: AskStatus | AskKeys, request_id: RequestId) -> Conversation:
    """Ask the standing session, which has keys handed out at once where it can; else within the limits that hold now.

    Without a session the answer says when to come again. Several slaves: the limits first, then the standing SAE, which
    alone knows its sessions with all of them.
    """
    asked: Message
    if isinstance(ask, AskStatus) or ask.further_slaves:
        asked = GetPoolStatus(request_id, face.reply_to, master=ask.master, slave=ask.slave)
    else:
        asked = _shared(face, ask, request_id)
    reply = yield Question(sae_element(ask.master), asked)
    if isinstance(reply, KeyRefused | KeyDelivered):
        return encode(ask, reply)
    pool = _pool(reply)
    refusal = admit(ask, pool)
    if refusal is not None:
        return refusal
    assert pool is not None, "no pool is admitted by nobody"
    if isinstance(ask, AskStatus):
        return encode(ask, pool)
    if ask.further_slaves:
        reply = yield Question(sae_element(ask.master), _shared(face, ask, request_id))
        return further_unknown() if isinstance(reply, PoolUnknown) else encode(ask, reply)
    reply = yield Question(km_of(face.node), ask.message(request_id, face.reply_to, pool.ksid, face.patience))
    return encode(ask, reply)


def _shared(face: FaceSetup, ask: AskKeys, request_id: RequestId) -> GetSharedKey:
    return GetSharedKey(
        request_id=request_id,
        reply_to=face.reply_to,
        master=ask.master,
        slave=ask.slave,
        number=ask.number,
        size=ask.size,
        timeout=face.patience,
        further_slaves=ask.further_slaves,
    )


def _pool(reply: Message) -> PoolStatus | None:
    match reply:
        case PoolStatus():
            return reply
        case PoolUnknown():
            return None
        case _:
            discard(reply)
            raise Violation(f"{type(reply).__name__} does not answer GetPoolStatus")
