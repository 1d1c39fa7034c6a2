"""Requests to the face of ETSI GS QKD 014 as a client would make them, and its answers read back."""

from __future__ import annotations

import json

from keytwin.service.etsi014 import decode
from keytwin.service.etsi014_values import Ask, Limits
from keytwin.service.http import Request, Response
from keytwin.service.strict_json import Json
from keytwin.vocabulary.identity import KeyId, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance

CALLER = SaeId("SAE-A")
PEER = SaeId("SAE-B")
FIRST_ID = KeyId("0b9f0a46-52a8-4a8c-9f0e-8a8f3b1a7c11")
SECOND_ID = KeyId("5f0c2a0e-6f0d-4a52-8d2b-2f4f3f7a9d02")
KEYS = "/api/v1/keys/"
LIMITS = Limits(keys=8)


def get(target: str, limits: Limits = LIMITS) -> Ask | Response:
    return decode(CALLER, Request("GET", KEYS + target), limits)


def post(target: str, body: Json | bytes, limits: Limits = LIMITS) -> Ask | Response:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(CALLER, Request("POST", KEYS + target, "application/json", body=octets), limits)


def refusal(answer: Ask | Response | None, status: int = 400) -> str:
    """Check that an answer is an Error as the standard writes it, and return its message."""
    return str(told(answer, status)["message"])


def told(answer: Ask | Response | None, status: int) -> dict[str, Json]:
    assert isinstance(answer, Response), answer
    assert answer.status == status
    headers = dict(answer.headers)
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    value = json.loads(answer.body)
    assert isinstance(value, dict)
    return value


def key(key_id: KeyId, octets: bytes, method: Method = Method.RELAYED, hops: int = 2) -> Key:
    return Key(key_id, KeyMaterial(bytearray(octets)), Provenance(method, hops))
