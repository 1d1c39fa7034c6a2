"""Who is asked what for each request of draft-cisco-skip-02 (Table 2): the same session and pool as for 014.

A fresh key is asked of the standing session, as an SAE's "Get key" is, and a named one of the key manager, as its "Get
key with key IDs". So each end has a key once, through whichever face it comes.
"""

from __future__ import annotations

from keytwin.service.conversation import Conversation, Face, Question, discard
from keytwin.service.etsi014 import admit
from keytwin.service.etsi014_errors import unauthorised
from keytwin.service.etsi014_values import AskKeys, AskKeysById
from keytwin.service.http import Request, Response
from keytwin.service.skip import REMOTE_UNKNOWN, capabilities, decode, encode, entropy
from keytwin.service.skip_values import AskCapabilities, AskEntropy, SkipSetup
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import GetSharedKey, KeyDelivered, KeyRefused, PoolStatus, PoolUnknown
from keytwin.vocabulary.identity import SaeId, km_of, sae_element
from keytwin.vocabulary.machine import RequestId


def skip_face(setup: SkipSetup) -> Face:
    """Return the face of a node."""
    return lambda name, request, request_id: converse(setup, SaeId(name), request, request_id)


def converse(face: SkipSetup, sae: SaeId, request: Request, request_id: RequestId) -> Conversation | Response:
    """Return the answer to a request that goes no further, or the conversation that leads to one.

    An SAE of another node is nobody here: 401, whatever it asks.
    """
    peers = face.peers.get(sae)
    if peers is None:
        return unauthorised()
    ask = decode(sae, peers, request, face.limits)
    match ask:
        case Response():
            return ask
        case AskCapabilities():
            return capabilities(ask, peers)
        case AskEntropy():
            return entropy(ask, face.entropy.fill(ask.octets))
        case AskKeysById():
            return _by_id(face, ask, request_id)
        case AskKeys():
            return _fresh(face, ask, request_id)


def _by_id(face: SkipSetup, ask: AskKeysById, request_id: RequestId) -> Conversation:
    reply = yield Question(km_of(face.node), ask.message(request_id, face.reply_to))
    return encode(ask, reply)


def _fresh(face: SkipSetup, ask: AskKeys, request_id: RequestId) -> Conversation:
    """Ask the standing session, which has a key handed out at once where it can; else within the limits it tells."""
    first = GetSharedKey(
        request_id, face.reply_to, ask.master, ask.slave, number=1, size=ask.size, timeout=face.patience
    )
    reply = yield Question(sae_element(ask.master), first)
    match reply:
        case KeyRefused() | KeyDelivered():
            return encode(ask, reply)
        case PoolUnknown():
            return REMOTE_UNKNOWN
        case PoolStatus():
            refusal = admit(ask, reply)
            if refusal is not None:
                return refusal
        case _:
            discard(reply)
            raise Violation(f"{type(reply).__name__} does not answer GetSharedKey")
    reply = yield Question(km_of(face.node), ask.message(request_id, face.reply_to, reply.ksid, face.patience))
    return encode(ask, reply)
