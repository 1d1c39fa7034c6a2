"""As much of JSON Schema 2020-12 as our schemas use; a keyword that is unknown here fails, none is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from keytwin.files.kinds import Json, Schema

SILENT = {"$schema", "title", "description", "default"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def offences(value: Json, schema: Schema, path: str = "$") -> Iterator[str]:
    """Say where a value differs from what a schema asks."""
    for keyword, asked in schema.items():
        if keyword not in SILENT:
            for told in _BY_KEYWORD[keyword](value, asked, schema, path):
                yield f"{path}: {told}" if told.startswith(keyword) else told


def _is_a(value: Json, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _type(value: Json, asked: Json, _: Schema, __: str) -> Iterator[str]:
    names = asked if isinstance(asked, list) else [asked]
    if not any(_is_a(value, str(name)) for name in names):
        yield f"type {asked}"


def _properties(value: Json, asked: Json, _: Schema, path: str) -> Iterator[str]:
    for key, schema in cast(dict[str, Schema], asked).items():
        if isinstance(value, dict) and key in value:
            yield from offences(value[key], schema, f"{path}.{key}")


def _additional(value: Json, asked: Json, schema: Schema, path: str) -> Iterator[str]:
    known = cast(dict[str, Json], schema.get("properties", {}))
    for key in set(value if isinstance(value, dict) else ()) - set(known):
        if asked is False:
            yield f"additionalProperties {key}"
        else:
            yield from offences(cast(dict[str, Json], value)[key], cast(Schema, asked), f"{path}.{key}")


def _names(value: Json, asked: Json, _: Schema, path: str) -> Iterator[str]:
    for key in value if isinstance(value, dict) else ():
        yield from offences(key, cast(Schema, asked), f"{path} key {key}")


def _required(value: Json, asked: Json, _: Schema, __: str) -> Iterator[str]:
    for key in cast(list[str], asked):
        if isinstance(value, dict) and key not in value:
            yield f"required {key}"


def _items(value: Json, asked: Json, _: Schema, path: str) -> Iterator[str]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from offences(item, cast(Schema, asked), f"{path}[{index}]")


def _any_of(value: Json, asked: Json, _: Schema, path: str) -> Iterator[str]:
    if not any(not list(offences(value, schema, path)) for schema in cast(list[Schema], asked)):
        yield "anyOf: none fits"


def _one_of(value: Json, asked: Json, _: Schema, path: str) -> Iterator[str]:
    fitting = [schema for schema in cast(list[Schema], asked) if not list(offences(value, schema, path))]
    if len(fitting) != 1:
        yield f"oneOf: {len(fitting)} fit"


def _enum(value: Json, asked: Json, _: Schema, __: str) -> Iterator[str]:
    if value not in cast(list[Json], asked):
        yield f"enum {asked}"


def _const(value: Json, asked: Json, _: Schema, __: str) -> Iterator[str]:
    if value != asked:
        yield f"const {asked}"


def _pattern(value: Json, asked: Json, _: Schema, __: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(str(asked), value):
        yield f"pattern {asked}"


def _bound(value: Json, asked: Json, schema: Schema, _: str) -> Iterator[str]:
    number, bound = cast(float, value), cast(float, asked)
    if _is_a(value, "number") and not (number >= bound if schema.get("minimum") == asked else number <= bound):
        yield f"minimum {asked}" if schema.get("minimum") == asked else f"maximum {asked}"


def _size(value: Json, asked: Json, schema: Schema, _: str) -> Iterator[str]:
    lengths = {"minProperties": dict, "maxProperties": dict, "minLength": str, "maxLength": str, "minItems": list}
    for keyword, kind in lengths.items():
        if schema.get(keyword) == asked and isinstance(value, kind):
            size, bound = len(cast(str, value)), cast(int, asked)
            if size < bound if keyword.startswith("min") else size > bound:
                yield f"{keyword} {asked}"


_BY_KEYWORD = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "items": _items,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _bound,
    "maximum": _bound,
    "minProperties": _size,
    "maxProperties": _size,
    "minLength": _size,
    "maxLength": _size,
    "minItems": _size,
}
