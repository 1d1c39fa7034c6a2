"""The rules themselves, on small planted sources: each is able to find what it forbids, and leaves the rest alone."""

from __future__ import annotations

import pytest

from tests.architecture import rules
from tests.architecture.source import imports, parse

NOWHERE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "text", ["import time", "import os.path", "from datetime import timezone", "def f():\n    import ssl"]
)
def test_a_plane_may_not_let_the_world_in(text: str) -> None:
    assert len(rules.worldly_imports([parse("keytwin.quantum.twin", text)])) == 1
    assert rules.worldly_imports([parse("keytwin.runtime.live", text)]) == []


def test_a_plane_may_import_what_is_pure() -> None:
    text = "import math\nimport timeit_of_ours\nfrom keytwin.vocabulary.units import seconds\n"
    assert rules.worldly_imports([parse("keytwin.control.routing", text)]) == []


@pytest.mark.parametrize(
    "call",
    [
        "open('x')",
        "np.random.default_rng()",
        "default_rng(1)",
        "np.random.seed(1)",
        "numpy.random.normal()",
        "a.seed()",
    ],
)
def test_a_plane_may_not_open_or_seed(call: str) -> None:
    assert len(rules.worldly_calls([parse("keytwin.algorithms.statistics", call)])) == 1
    assert rules.worldly_calls([parse("keytwin.network", call)]) == []


@pytest.mark.parametrize("call", ["generator.normal()", "on_open(1)", "self.requests.open()", "f(np.random.Generator)"])
def test_a_plane_may_draw_from_what_it_was_handed(call: str) -> None:
    assert rules.worldly_calls([parse("keytwin.algorithms.statistics", call)]) == []


def test_relative_imports_are_seen_through() -> None:
    assert list(imports(parse("k.a.b", "from . import c\nfrom ..d import e\n"))) == [("k.a", "c"), ("k.d", "e")]
    assert list(imports(parse("k.a", "from . import c\n", is_package=True))) == [("k.a", "c")]


def test_only_shells_use_the_public_api() -> None:
    text = "from keytwin import load\nfrom keytwin import vocabulary\nimport keytwin.vocabulary.units\n"
    inner, shell = parse("keytwin.scenario", text), parse("keytwin.cli.run", text)
    found = rules.root_imports([inner, shell, parse("keytwin.vocabulary", "", is_package=True)])
    assert found == ["keytwin.scenario imports load from the public API"]


@pytest.mark.parametrize(
    "text",
    [
        "with material.exposed() as octets:\n    pass",
        "with exposed_together(materials) as views:\n    pass",
        "f = key.exposed",
        "key.material._octets",
    ],
)
def test_key_octets_are_reached_in_few_places(text: str) -> None:
    assert len(rules.exposures([parse("keytwin.control.access", text)])) == 1
    assert rules.exposures([parse("keytwin.keymanagement.pads", text)]) == []
    assert rules.exposures([parse("keytwin.runtime.transport.tls", text)]) == []


def test_octets_are_exposed_for_the_length_of_a_block() -> None:
    text = "with a.exposed() as octets, b.exposed() as others:\n    pass\nloose = a.exposed()\n"
    found = rules.loose_exposures([parse("keytwin.keymanagement.pads", text)])
    assert found == ["keytwin.keymanagement.pads:3 exposes octets outside a `with` block"]


def test_only_the_runtime_supervises() -> None:
    text = "try:\n    pass\nexcept Exception:\n    raise\n"
    assert rules.broad_handlers([parse("keytwin.files.read", text)]) == ["keytwin.files.read:3 catches everything"]
    assert rules.broad_handlers([parse("keytwin.runtime.supervisor", text)]) == []


@pytest.mark.parametrize("text", ["__all__ = ['a', 'b']", "__all__: Final = ('a', 'b')"])
def test_declared_names_are_read(text: str) -> None:
    assert rules.declared_names([parse("keytwin.x", text)]) == {"keytwin.x": ["a", "b"]}


def test_class_names_are_split_into_words() -> None:
    assert rules.words_of("KMSClient2") == ["KMS", "Client", "2"]
    assert rules.words_of("DecoyBb84") == ["Decoy", "Bb", "84"]
    assert rules.words_of("QLink") == ["Q", "Link"]


def test_refused_words_are_found_where_they_may_not_stand() -> None:
    refused = {"Channel": frozenset({"quantum"}), "Manager": NOWHERE}
    text = "class FibreChannel: ...\nclass LinkManager: ...\nclass KeyManager: ...\nclass _ManagerX: ...\n"
    assert rules.refused_words([parse("keytwin.quantum.x", text)], refused) == [
        "keytwin.quantum.x:2 LinkManager says 'Manager'"
    ]
    assert len(rules.refused_words([parse("keytwin.control.x", text)], refused)) == 2
    assert rules.refused_words([parse("keytwin.runtime.x", text)], refused) == []


@pytest.mark.parametrize(
    "text", ["def f(session_id): ...", "session_id: str", "self.session_id = 1", "[0 for session_id in a]"]
)
def test_refused_names_are_found(text: str) -> None:
    assert len(rules.refused_names([parse("keytwin.x", text)], {"session_id": NOWHERE})) == 1


def test_a_foreign_attribute_may_be_read() -> None:
    assert rules.refused_names([parse("keytwin.x", "y = wire.session_id")], {"session_id": NOWHERE}) == []


def test_third_party_imports_are_told_from_ours_and_pythons() -> None:
    module = parse(
        "keytwin.x", "import numpy as np\nimport os.path\nfrom keytwin import y\nfrom ruamel.yaml import YAML\n"
    )
    found = rules.third_party([module], frozenset({"keytwin"}), frozenset({"os"}))
    assert found == {"numpy": "keytwin.x", "ruamel": "keytwin.x"}


def test_a_buffer_that_stands_in_the_text_of_its_object_is_found() -> None:
    text = """
@dataclass(slots=True)
class Batch:
    plain: bytearray
    given: bytearray = field(default_factory=bytearray)
    total: bytearray = field(default_factory=bytearray, repr=False)
    name: str = ""

class Other:
    plain: bytearray
"""
    found = rules.shown_octets([parse("keytwin.keymanagement.batch", text)])
    assert [each.rpartition(" ")[2] for each in found] == ["plain", "given"]
