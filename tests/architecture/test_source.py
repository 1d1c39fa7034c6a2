"""What the source may do: see `rules.py`."""

from __future__ import annotations

import ast
import re

import pytest

import keytwin
from tests.architecture import rules
from tests.architecture.source import PACKAGE, ROOT, Module, modules

SOURCES = modules(PACKAGE)
PUBLIC_NAMES = 25  # more than that, and nobody knows the API by heart
ROW = re.compile(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", flags=re.MULTILINE)


def none(offences: list[str]) -> None:
    assert not offences, "\n".join(["", *offences])


def refused() -> dict[str, frozenset[str]]:
    """Read the table of refused words; each with the rooms where it may stand."""
    page = (ROOT / "docs/reference/vocabulary.md").read_text(encoding="utf-8").partition("## Refused words")[2]
    return {word: frozenset(re.findall(r"`(\w+)`", rooms)) for word, rooms in ROW.findall(page)}


def test_pure_rooms_import_nothing_of_the_world() -> None:
    none(rules.worldly_imports(SOURCES))


def test_pure_rooms_open_and_seed_nothing() -> None:
    none(rules.worldly_calls(SOURCES))


def test_only_shells_use_the_public_api() -> None:
    none(rules.root_imports(SOURCES))


def test_key_octets_are_reached_only_where_they_are_used() -> None:
    none(rules.exposures(SOURCES))


def test_key_octets_are_exposed_for_the_length_of_a_block() -> None:
    none(rules.loose_exposures(SOURCES))


def test_no_text_of_an_object_shows_key_in_plain() -> None:
    rooms = {"keymanagement", "service"}
    none(rules.shown_octets(module for module in modules() if module.room in rooms))


def test_only_the_runtime_catches_everything() -> None:
    none(rules.broad_handlers(SOURCES))


def test_names_are_declared_only_by_the_public_api() -> None:
    assert set(rules.declared_names(SOURCES)) <= {"keytwin"}


def test_the_public_api_is_small_and_documented() -> None:
    names = rules.declared_names(SOURCES).get("keytwin", [])
    assert len(names) <= PUBLIC_NAMES
    undocumented = [name for name in names if not (getattr(keytwin, name).__doc__ or "").strip()]
    assert undocumented == []


def test_the_table_of_refused_words_is_read() -> None:
    assert {"KMS", "Client", "session_id"} <= refused().keys()
    assert refused()["Channel"] == {"quantum", "vocabulary"}


def test_classes_are_named_in_the_words_of_the_field() -> None:
    none(rules.refused_words(SOURCES, refused()))


def test_identifiers_are_named_in_the_words_of_the_field() -> None:
    none(rules.refused_names(SOURCES, refused()))


@pytest.mark.parametrize("module", SOURCES, ids=lambda module: module.path)
def test_a_module_with_code_says_what_it_is(module: Module) -> None:
    assert not module.tree.body or ast.get_docstring(module.tree)
