"""The OpenAPI 3.1 document of the SKIP face, draft-cisco-skip-02, made of what the face writes by."""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.service.etsi014_wire import Error
from keytwin.service.http import JSON
from keytwin.service.skip import CAPABILITIES, ENTROPY, KEY, REMOTE
from keytwin.service.skip_values import DEFAULT_ENTROPY, SKIP_LIMITS, Capabilities, SkipEntropy, SkipKey, SkipLimits
from keytwin.service.strict_json import Json
from keytwin.vocabulary.identity import LONGEST_NAME
from keytwin.vocabulary.key import DEFAULT_KEY_SIZE
from keytwin.vocabulary.units import BITS_PER_BYTE

Schema = dict[str, Json]

_SCHEMAS: Final = "#/components/schemas/"
_NOT_HERE: Final = {"404": "No such resource", "405": "Only GET is allowed", "414": "The target is too long"}


def openapi(limits: SkipLimits = SKIP_LIMITS) -> Schema:
    """Return the document; `limits` are those that `decode` is called with."""
    _, schemas = msgspec.json.schema_components(
        (Capabilities, SkipKey, SkipEntropy, Error), ref_template=_SCHEMAS + "{name}"
    )
    page: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "Secure Key Integration Protocol",
            "version": "02",
            "description": "Implements draft-cisco-skip-02 with certificates.",
        },
        "paths": _paths(limits),
        "components": {"schemas": schemas, "securitySchemes": {"certificate": {"type": "mutualTLS"}}},
        "security": [{"certificate": []}],
    }
    plain: Schema = msgspec.json.decode(msgspec.json.encode(page))  # defaults are tuples until then
    return plain


def _paths(limits: SkipLimits) -> Schema:
    size: Schema = {
        **_amount(limits.key_size, DEFAULT_KEY_SIZE, "bits of the key"),
        "minimum": BITS_PER_BYTE,
        "multipleOf": BITS_PER_BYTE,
    }
    minentropy = _amount(limits.entropy, DEFAULT_ENTROPY, "bits of min-entropy; whole octets are given")
    name: Schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_NAME,
        "description": f"one of those that GET /{CAPABILITIES} tells",
    }
    digits: Schema = {"type": "string", "pattern": "^(?:[0-9A-Fa-f]{2})+$"}
    remote = _parameter(REMOTE, name, is_required=True)
    key_id = _parameter("keyId", digits, is_required=True) | {"in": "path"}
    return {
        f"/{CAPABILITIES}": _get("capabilities", "What this key provider can do", Capabilities, []),
        f"/{KEY}": _get("fresh_key", "A fresh key", SkipKey, [remote, _parameter("size", size)]),
        f"/{KEY}/{{keyId}}": _get("named_key", "The key that the remote system has got", SkipKey, [key_id, remote]),
        f"/{ENTROPY}": _get("entropy", "Random octets", SkipEntropy, [_parameter("minentropy", minentropy)]),
    }


def _amount(most: int, usual: int, meaning: str) -> Schema:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": usual, "description": meaning}


def _parameter(name: str, schema: Schema, *, is_required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": is_required, "schema": schema}


def _get(name: str, summary: str, kind: type[msgspec.Struct], parameters: list[Json]) -> Schema:
    """Return the one operation of a path."""
    responses: Schema = {"200": _answer("Successful response", kind)}
    responses["400"] = _answer("A parameter is wrong, or the key is not found", Error)
    responses["401"] = {"description": "The certificate is that of no SAE of this node; without a body"}
    responses |= {code: _answer(meaning, Error) for code, meaning in _NOT_HERE.items()}
    later: Schema = {"required": True, "description": "seconds", "schema": {"type": "integer", "minimum": 1}}
    responses["503"] = _answer("Not now", Error) | {"headers": {"Retry-After": later}}
    return {"get": {"operationId": name, "summary": summary, "parameters": parameters, "responses": responses}}


def _answer(meaning: str, kind: type[msgspec.Struct]) -> Schema:
    return {"description": meaning, "content": {JSON: {"schema": {"$ref": _SCHEMAS + kind.__name__}}}}
