"""The OpenAPI 3.1 document of the face of ETSI GS QKD 014 V1.1.1, made of what the face reads and writes by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from keytwin.service.etsi014_values import LIMITS, Limits
from keytwin.service.etsi014_wire import (
    DEC_KEYS,
    ENC_KEYS,
    PREFIX,
    ROUTES,
    STATUS,
    Error,
    KeyContainer,
    KeyIds,
    KeyRequest,
    NamedKey,
    Route,
    Status,
)
from keytwin.service.http import JSON
from keytwin.service.strict_json import Json
from keytwin.vocabulary.identity import LONGEST_NAME

Schema = dict[str, Json]

_SCHEMAS: Final = "#/components/schemas/"
_ANSWERS: Final[Mapping[Route, type[msgspec.Struct]]] = {STATUS: Status, ENC_KEYS: KeyContainer, DEC_KEYS: KeyContainer}
_BODIES: Final[Mapping[Route, type[msgspec.Struct]]] = {ENC_KEYS: KeyRequest, DEC_KEYS: KeyIds}
_REFUSALS: Final = {
    "400": "Bad request format, an unknown slave, a key that is not here, or more than status allows",
    "404": "No such resource",
    "405": "No such method here",
    "413": "The body is too large",
    "414": "The target is too long",
    "415": "The body is not application/json in UTF-8",
}


def openapi(limits: Limits = LIMITS) -> Schema:
    """Return the document; `limits` are those that `decode` is called with."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Key delivery",
            "version": "1.1.1",
            "description": "Implements the REST-based key delivery interface of ETSI GS QKD 014 V1.1.1.",
        },
        "paths": {_path(route): _path_item(route) for route in ROUTES.values()},
        "components": {"schemas": _schemas(limits), "securitySchemes": {"certificate": {"type": "mutualTLS"}}},
        "security": [{"certificate": []}],
    }


def _path(route: Route) -> str:
    return "/".join((*PREFIX, f"{{{route.peer}}}", route.name))


def _path_item(route: Route) -> Schema:
    item: Schema = {"parameters": [_peer(route)]}
    for method in route.methods:
        item[method.lower()] = _operation(route, method)
    return item


def _operation(route: Route, method: str) -> Schema:
    operation: Schema = {"operationId": f"{method.lower()}_{route.name}", "summary": route.summary}
    if method == "POST":
        body: Schema = {"content": {JSON: {"schema": _reference(_BODIES[route])}}}
        operation["requestBody"] = body | {"required": route is DEC_KEYS}
    elif route.parameters:
        operation["parameters"] = [_parameter(route, name) for name in route.parameters]
    operation["responses"] = _responses(route)
    return operation


def _peer(route: Route) -> Schema:
    # Names as this network gives them; the standard leaves the form of SAE IDs open.
    name: Schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_NAME,
        "pattern": "^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$",
    }
    return {"name": route.peer, "in": "path", "required": True, "schema": name}


def _parameter(route: Route, name: str) -> Schema:
    # A query says the same as the body would: one schema for both.
    kind = NamedKey if route is DEC_KEYS else KeyRequest
    schema: Schema = {"$ref": f"{_SCHEMAS}{kind.__name__}/properties/{name}"}
    return {"name": name, "in": "query", "required": route is DEC_KEYS, "schema": schema}


def _responses(route: Route) -> Schema:
    responses: Schema = {"200": _answer("Successful response", _ANSWERS[route])}
    for code, meaning in _REFUSALS.items():
        responses[code] = _answer(meaning, Error)
    responses["401"] = {"description": "Unauthorized; without a body"}
    later: Schema = {"required": True, "description": "seconds", "schema": {"type": "integer", "minimum": 1}}
    responses["503"] = _answer("Not now", Error) | {"headers": {"Retry-After": later}}
    return responses


def _answer(meaning: str, kind: type[msgspec.Struct]) -> Schema:
    return {"description": meaning, "content": {JSON: {"schema": _reference(kind)}}}


def _reference(kind: type[msgspec.Struct]) -> Schema:
    return {"$ref": _SCHEMAS + kind.__name__}


def _schemas(limits: Limits) -> Schema:
    """Return the schemas of all data formats, with the face's own limits added to the declarations."""
    kinds = (Status, KeyRequest, KeyContainer, KeyIds, Error)
    _, found = msgspec.json.schema_components(kinds, ref_template=_SCHEMAS + "{name}")
    wanted, named = found[KeyRequest.__name__]["properties"], found[KeyIds.__name__]["properties"]
    wanted["number"]["maximum"] = limits.keys
    wanted["size"]["maximum"] = limits.key_size
    wanted["additional_slave_SAE_IDs"] |= {"maxItems": limits.slaves, "uniqueItems": True}
    named["key_IDs"] |= {"maxItems": limits.keys, "uniqueItems": True}
    plain: Schema = msgspec.json.decode(msgspec.json.encode(found))  # defaults are tuples until then
    return plain
