"""Topologies of the package topohub."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.files import hub
from keytwin.files.hub import Cable, Site, hub_groups, hub_names, hub_topology, hub_version
from keytwin.vocabulary.errors import Mistake, Refusal

SMALL = (
    '{"nodes": [{"id": 0, "name": "a", "pos": [1, 2]}, {"id": 1}], "edges": [{"source": 0, "target": 1, "dist": 3.5}]}'
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put another folder in the place of the package's data."""
    monkeypatch.setattr(hub, "_data", lambda: tmp_path)
    monkeypatch.setattr(hub, "hub_names", lambda: tuple(sorted(hub._found(tmp_path, ""))))
    return tmp_path


def test_the_usual_topologies_are_there() -> None:
    assert {"sndlib/germany50", "topozoo/Geant2012", "gabriel/500/9"} <= set(hub_names())
    assert {"backbone", "caida", "gabriel", "sndlib", "topozoo"} <= set(hub_groups())
    assert sum(map(len, hub_groups().values())) == len(hub_names())
    assert hub_version()


@pytest.mark.parametrize(
    ("name", "nodes", "edges"),
    [("sndlib/germany50", 50, 88), ("sndlib/nobel-germany", 17, 26), ("topozoo/Geant2012", 37, 58)],
)
def test_a_topology_has_its_nodes_and_edges(name: str, nodes: int, edges: int) -> None:
    topology = hub_topology(name)
    assert (len(topology.nodes), len(topology.edges)) == (nodes, edges)
    assert all(edge.dist >= 0 for edge in topology.edges)


def test_what_is_read_is_what_is_kept(kept: Path) -> None:
    (kept / "mine").mkdir()
    (kept / "mine/small.json").write_text(SMALL, encoding="utf-8")
    (kept / "mine/__init__.py").touch()
    topology = hub_topology("mine/small")
    assert topology.nodes == (Site(0, "a"), Site(1))
    assert topology.edges == (Cable(0, 1, 3.5),)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("germany50", "did you mean 'sndlib/germany50'"),
        ("ABILENE", "did you mean 'sndlib/abilene' or 'topozoo/Abilene'"),
        ("sndlib/germny50", "did you mean 'sndlib/germany50'"),
        ("gabriel/25/10", "did you mean 'gabriel/25/"),
        ("x" * 100, r"collections: backbone, caida, gabriel, sndlib, topozoo; `keytwin examples --topologies`"),
        ("../__init__", "no topology is called"),
        ("", "no topology is called ''"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_and_how_to_list(typed: str, told: str) -> None:
    with pytest.raises(Mistake, match=told) as raised:
        hub_topology(typed)
    assert "`keytwin examples --topologies` lists them" in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "unknown form"),
        ("{", "unknown form"),
        (SMALL.replace('"dist": 3.5', '"d": 3.5'), "missing required field `dist`"),
        (SMALL.replace('"dist": 3.5', '"dist": "far"'), "Expected `float`"),
        (SMALL.replace('"target": 1', '"target": 7'), "edges without"),
        (SMALL.replace('{"id": 1}', '{"id": 0}'), "nodes twice"),
    ],
)
def test_another_form_than_we_know_is_refused(text: str, why: str, kept: Path) -> None:
    (kept / "odd.json").write_text(text, encoding="utf-8")
    with pytest.raises(Refusal, match=why):
        hub_topology("odd")


def test_without_the_package_one_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PACKAGE", "no_package_of_this_name")
    hub_names.cache_clear()
    try:
        with pytest.raises(Refusal, match=r"pip install 'keytwin\[topologies\]'"):
            hub_names()
    finally:
        hub_names.cache_clear()
