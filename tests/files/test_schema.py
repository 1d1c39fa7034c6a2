"""The JSON Schemas allow and refuse what the reader does, seen through an editor's YAML parser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given, settings
from ruamel.yaml import YAML

from keytwin.files.kinds import Json, Schema
from keytwin.files.library import (
    cost_book_names,
    device_names,
    device_source,
    example_text,
    needs,
    networks,
    scenarios,
    selection_source,
    selections,
)
from keytwin.files.network import write_network
from keytwin.files.schema import DIALECT, KINDS, schema
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake
from tests.files.blueprints import blueprints
from tests.files.json_schema import offences

EXAMPLES = [
    *(("network", example_text(name)) for name in networks()),
    *(("scenario", example_text(name)) for name in scenarios()),
    *(("device", device_source(name).octets.decode()) for name in device_names()),
    *(("need", example_text(name)) for name in needs()),
    *(("selection", selection_source(name).octets.decode()) for name in selections()),
    *(("costs", example_text(name)) for name in cost_book_names()),
]
SMALL = """format: 1
name: t
nodes: {0: , b: {about: 12}, c: }
links:
  - 0 -- b: {device: generic-decoy-bb84, length: 3 km}
  - b--c/x:
  - b -- c: {total_loss: 3 dB}
slas: {gold: {priority: 0, rate: 1 kbit/s, burst: 1 kbit}}
users: {7: {sla: gold}}
apps: {a: {user: 7, saes: {x: 0, y: b}}}
control: {routing: , admission: {margin: 0.1}, monitoring: {loss_alarm: 50 %}, key_management: {batch: 3}}
twin: {physics: counts}
"""


def seen(text: str) -> Json:
    """Read YAML as an editor does: with numbers, booleans and nulls, and all keys as text."""
    loader = YAML(typ="safe", pure=True)
    loader.allow_duplicate_keys = True  # the names 0 and 00 are two to us, and one number to an editor
    return cast(Json, json.loads(json.dumps(loader.load(text))))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_has_a_schema_with_every_key_explained(kind: str) -> None:
    made = schema(kind)
    assert made["$schema"] == DIALECT
    alternatives = cast(list[Schema], made.get("oneOf", [made]))
    for each in alternatives:
        assert each["additionalProperties"] is False
        named = cast(dict[str, Schema], each["properties"])
        assert all(one.get("description") or "const" in one for one in named.values())
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_the_examples_and_devices_follow_their_schema(kind: str, text: str) -> None:
    assert list(offences(seen(text), schema(kind))) == []


@given(blueprints())
@settings(max_examples=15)
def test_whatever_is_written_follows_the_schema(blueprint: Blueprint) -> None:
    value = cast(dict[str, Json], seen(write_network(blueprint)))
    assert list(offences(value, schema("network"))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format: 1", "format: 2"),
        ("name: t", "nme: t"),
        ("nodes: {0:", "nods: {0:"),
        ("3 km", "3"),
        ("3 km", "3 kg"),
        ("length: 3", "lenght: 3"),
        ("b--c/x:", "b"),
        ("priority: 0", "priority: -1"),
        ("priority: 0, ", ""),
        ("margin: 0.1", "margin: -0.1"),
        ("50 %", "50 s"),
        ("{x: 0, y: b}", "{x: 0}"),
        ("{x: 0, y: b}", "{x: 0, y: b, z: c}"),
        ("counts", "photons"),
        ("7: {sla", "7--8: {sla"),
    ],
)
def test_what_the_reader_refuses_the_schema_marks(old: str, new: str) -> None:
    assert list(offences(seen(SMALL), schema("network"))) == []
    assert list(offences(seen(SMALL.replace(old, new)), schema("network"))) != []


@pytest.mark.parametrize(
    "line",
    [
        "{at: 5 s}",
        "{open: app01}",
        "{at: 5 s, open: app01, close: app01}",
        "{at: 5, open: app01}",
        "{at: 5 s, opn: app01}",
    ],
)
def test_a_wrong_step_is_marked(line: str) -> None:
    text = example_text("star6/fig4").replace("{at: 0 s, open: app01}", line)
    assert list(offences(seen(text), schema("scenario"))) != []


def test_overrides_may_leave_out_what_a_network_must_say() -> None:
    text = example_text("star6/fig4").replace("overrides:\n", "overrides:\n  slas: {gold: {rate: 1 kbit/s}}\n")
    assert list(offences(seen(text), schema("scenario"))) == []


def test_defaults_are_told() -> None:
    made = schema("network")
    control = cast(dict[str, Schema], cast(dict[str, Schema], made["properties"])["control"]["properties"])
    admission = cast(dict[str, Schema], control["admission"]["properties"])
    assert admission["inactivity_timeout"]["default"] == "10 min"


def defaults(schema: Json) -> Iterator[tuple[Json, Schema]]:
    """Give every default in a schema with the schema that says it."""
    if isinstance(schema, dict):
        if "default" in schema and "description" in schema:
            yield schema["default"], schema
        for value in schema.values():
            yield from defaults(value)
    for item in schema if isinstance(schema, list) else ():
        yield from defaults(item)


@pytest.mark.parametrize("kind", KINDS)
def test_every_default_is_of_its_own_type(kind: str) -> None:
    told = list(defaults(schema(kind)))
    assert [offence for default, own in told for offence in offences(default, own)] == []
    assert len(told) > 10 or kind not in {"network", "scenario", "need"}


def test_an_unknown_kind_is_told_with_the_nearest() -> None:
    with pytest.raises(Mistake, match=r"unknown kind of file 'netwrk' \(did you mean 'network'\?\)"):
        schema("netwrk")
