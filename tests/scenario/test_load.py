"""Finding and reading what a user names, with the names of plug-ins known."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Final

import pytest

from keytwin.files.library import example_text
from keytwin.network import PROTOCOL_GROUP, Plugins
from keytwin.quantum.link import QkdProtocol
from keytwin.quantum.protocols import PROTOCOLS
from keytwin.scenario.load import inspect, known_with, load
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.timeline import Scenario

NETWORK: Final = """\
format: 1
name: pair
defaults: {link: {device: generic-decoy-bb84, length: 20 km}}
nodes: {a: , b: }
links: [a -- b]
control: {routing: {metric: %s}}
"""


def weigh(_link: object) -> float:
    return 1.0


@pytest.mark.parametrize(
    ("where", "kind"),
    [("star6", Blueprint), ("nsf14", Blueprint), ("star6/fig4", Scenario), ("generic-decoy-bb84", Device)],
)
def test_reads_the_library_by_name(where: str, kind: type[object]) -> None:
    assert isinstance(inspect(where).value, kind)


def test_reads_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(NETWORK % "hops", encoding="utf-8")
    loaded = load(path)
    assert isinstance(loaded, Blueprint)
    assert loaded.name == "pair"


def test_takes_a_file_without_the_usual_ending_at_its_word(tmp_path: Path) -> None:
    path = tmp_path / "pair"
    path.write_text(NETWORK % "hops", encoding="utf-8")
    assert isinstance(load(path), Blueprint)


def test_a_metric_must_be_known_to_be_named(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(NETWORK % "mine", encoding="utf-8")
    with pytest.raises(FileMistake, match="mine"):
        load(path)
    loaded = load(path, Plugins(metrics={"mine": weigh}))
    assert isinstance(loaded, Blueprint)
    assert loaded.control.routing.metric == "mine"


def test_the_names_of_plug_ins_are_added_to_keytwin_s_own() -> None:
    own = known_with()
    extra = QkdProtocol("new", PROTOCOLS["empirical"].device, PROTOCOLS["empirical"].link)
    known = known_with(Plugins(metrics={"mine": weigh}, algorithms={"frugal": len}, protocols={"new": extra}))  # type: ignore[dict-item]  # only its name counts here
    assert set(known.metrics) - set(own.metrics) == {"mine"}
    assert set(known.algorithms) - set(own.algorithms) == {"frugal"}
    assert set(known.protocols) - set(own.protocols) == {"new"}


def test_a_device_is_neither_a_network_nor_a_scenario() -> None:
    with pytest.raises(Mistake, match="empirical-black-box describes a device"):
        load("empirical-black-box")


@pytest.mark.parametrize("where", ["star7", "star6/fig", "generic-decoy-bb85"])
def test_an_unknown_name_is_answered_with_the_nearest(where: str) -> None:
    with pytest.raises(Mistake, match=r"did you mean '(star6|star6/fig4|generic-decoy-bb84)'"):
        inspect(where)


def test_a_name_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(
        Mistake,
        match=r"known: beijing-shanghai, madqci, micius, nsf14, ring5, selfpair, star6, tokyo.*which ends in \.yaml",
    ):
        inspect("quux")


@pytest.mark.parametrize("where", ["missing.yaml", "\0", "x" * 5_000])
def test_what_is_not_there_is_a_mistake(where: str) -> None:
    with pytest.raises(Mistake):
        inspect(where)


def test_a_folder_is_answered_with_the_network_in_it(tmp_path: Path) -> None:
    (tmp_path / "network.yaml").write_text(NETWORK % "hops", encoding="utf-8")
    with pytest.raises(Mistake, match=r"is a folder: did you mean '.*/network\.yaml'\?"):
        load(tmp_path)


def test_a_need_is_told_to_be_designed_first(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"bank-ring describes a need: make a network of it first, with keytwin design"):
        load("bank-ring")
    (tmp_path / "need.yaml").write_text(example_text("bank-ring"), encoding="utf-8")
    with pytest.raises(Mistake, match=r"is a folder: did you mean '.*/need\.yaml'\?"):
        load(tmp_path)


def test_a_link_too_long_to_give_key_is_a_mistake_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    path.write_text((NETWORK % "hops").replace("20 km", "300 km"), encoding="utf-8")
    with pytest.raises(
        FileMistake, match=r"far\.yaml:5:9: link a--b: device generic-decoy-bb84 gives no key at 60\.0 dB"
    ):
        load(path)


def test_an_sla_above_what_any_link_gives_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "greedy.yaml"
    path.write_text(NETWORK % "hops" + "slas: {g: {priority: 0, rate: 1 Mbit/s, burst: 1 Mbit}}\n", encoding="utf-8")
    warnings = [str(warning) for warning in inspect(str(path)).warnings]
    assert any("1 Mbit/s is more than any link has for a session: 318 kbit/s" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("keytwin.nowhere:protocol", "cannot be loaded from 'keytwin.nowhere:protocol': No module named"),
        ("keytwin.quantum.protocols:nothing", "cannot be loaded"),
        ("keytwin.network:PROTOCOL_GROUP", "and is none: 'keytwin.protocols'"),
    ],
)
def test_a_package_that_registers_what_it_has_not_is_named(
    value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("theirs", value, PROTOCOL_GROUP)
    installed = {PROTOCOL_GROUP: [point]}
    monkeypatch.setattr("keytwin.scenario.load.entry_points", lambda group: installed.get(group, []))
    with pytest.raises(Mistake, match=re.escape(told)):
        known_with()
