"""The OpenAPI 3.1 document of the JSON binding of ETSI GS QKD 004 V2.1.1, made of what the face reads and writes by."""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.service.etsi004_wire import ANSWERS, BODIES, PREFIX
from keytwin.service.etsi014_wire import Error
from keytwin.service.http import JSON
from keytwin.service.strict_json import Json

Schema = dict[str, Json]

_SCHEMAS: Final = "#/components/schemas/"
_REFUSALS: Final = {
    "400": "The body is not the JSON that it should be",
    "404": "No such resource",
    "405": "Only POST is allowed",
    "413": "The body is too large",
    "414": "The target is too long",
    "415": "The body is not application/json in UTF-8",
}


def openapi() -> Schema:
    """Return the document."""
    kinds = (*BODIES.values(), *ANSWERS.values(), Error)
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_SCHEMAS + "{name}")
    page: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "Key streams",
            "version": "2.1.1",
            "description": "Implements the application interface of ETSI GS QKD 004 V2.1.1 as JSON over HTTPS.",
        },
        "paths": {path: {"post": _operation(path)} for path in BODIES},
        "components": {"schemas": schemas, "securitySchemes": {"certificate": {"type": "mutualTLS"}}},
        "security": [{"certificate": []}],
    }
    plain: Schema = msgspec.json.decode(msgspec.json.encode(page))  # defaults are tuples until then
    return plain


def _operation(path: str) -> Schema:
    name = path.removeprefix(PREFIX)
    responses: Schema = {"200": _answer("Understood; what came of it is in `status`", ANSWERS[path])}
    responses |= {code: _answer(meaning, Error) for code, meaning in _REFUSALS.items()}
    responses["401"] = {"description": "The certificate is that of no SAE of this node; without a body"}
    later: Schema = {"required": True, "description": "seconds", "schema": {"type": "integer", "minimum": 1}}
    responses["503"] = _answer("Not now", Error) | {"headers": {"Retry-After": later}}
    return {
        "operationId": name,
        "summary": name.upper(),
        "requestBody": {"content": {JSON: {"schema": _reference(BODIES[path])}}, "required": True},
        "responses": responses,
    }


def _answer(meaning: str, kind: type[msgspec.Struct]) -> Schema:
    return {"description": meaning, "content": {JSON: {"schema": _reference(kind)}}}


def _reference(kind: type[msgspec.Struct]) -> Schema:
    return {"$ref": _SCHEMAS + kind.__name__}
