"""An editor checks views and selections by their JSON Schemas as the reader does."""

from __future__ import annotations

import json
from typing import cast

import pytest
from ruamel.yaml import YAML

from keytwin.files.kinds import Json
from keytwin.files.library import Source, selection_source, view_sources
from keytwin.files.selection_file import SELECTION
from keytwin.files.view_file import VIEW
from tests.files.json_schema import offences

VIEWS = [each for each in view_sources("qkd") if not each.file.endswith("/shared.yaml")]


def seen(text: str) -> Json:
    return cast(Json, json.loads(json.dumps(YAML(typ="safe", pure=True).load(text))))


@pytest.mark.parametrize("source", VIEWS, ids=[each.file.rpartition("/")[2] for each in VIEWS])
def test_every_shipped_view_is_as_its_schema_says(source: Source) -> None:
    text = source.octets.decode()
    assert list(offences(seen(text), VIEW.schema())) == []


def test_the_shipped_selection_is_as_its_schema_says() -> None:
    assert list(offences(seen(selection_source("long-range").octets.decode()), SELECTION.schema())) == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("selection", "{format: 1, name: x, ovm: qkd, choose: {protocol: {a: b}}}"),
        ("selection", "{format: 1, name: x, ovm: qkd}"),
        ("view", "{format: 1, variant: a.b, kind: sketch, title: x, sources: [y]}"),
        ("view", "{format: 1, variant: a.b, kind: state, title: x, sources: [y], lanes: []}"),
    ],
)
def test_what_the_reader_refuses_the_schema_does_too(kind: str, text: str) -> None:
    assert list(offences(seen(text), VIEW.schema() if kind == "view" else SELECTION.schema()))
