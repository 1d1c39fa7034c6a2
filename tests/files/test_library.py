"""Where files come from: by name out of the library, or by path; and what kind of file it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keytwin.files.check import check, kind_of
from keytwin.files.library import (
    Source,
    any_names,
    any_source,
    cost_book_names,
    device_names,
    example_text,
    needs,
    network_source,
    networks,
    path_source,
    scenario_source,
    scenarios,
    selections,
)
from keytwin.files.network import read_network
from keytwin.files.reader import LARGEST_FILE
from keytwin.files.scenario import read_scenario
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.timeline import Scenario


def test_the_library_names_what_it_holds() -> None:
    assert {"nsf14", "ring5", "star6"} <= set(networks())
    assert "star6/fig4" in scenarios()
    assert {"empirical-black-box", "generic-decoy-bb84", "slow-start-decoy-bb84"} <= set(device_names())


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (
            "star7",
            ("unknown network 'star7' (did you mean 'star6'?; a file is given by its path, which ends in .yaml)"),
        ),
        (
            "x" * 90,
            (
                f"unknown network '{'x' * 80}' (known: {', '.join(networks())}; a "
                f"file is given by its path, which ends in .yaml)"
            ),
        ),
    ],
)
def test_an_unknown_name_is_told_with_those_there_are(wanted: str, told: str) -> None:
    with pytest.raises(Mistake) as raised:
        read_network(wanted)
    assert str(raised.value) == told


def test_an_unknown_scenario_is_told_with_the_nearest() -> None:
    with pytest.raises(Mistake, match="did you mean 'star6/fig4'"):
        read_scenario("star6/fig")


@pytest.mark.parametrize("where", ["a\0b", "a\0b.yaml", "../" * 5000 + "x.yaml", "\ud800.yaml"])
def test_a_path_that_can_be_none_is_a_mistake_too(where: str) -> None:
    with pytest.raises(Mistake):
        network_source(where)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    for name in ("own.yaml", "own.yml", "own"):
        (tmp_path / name).write_text(example_text("ring5"), encoding="utf-8")
        assert read_network(str(tmp_path / name)) == read_network("ring5")


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileMistake, match=r"none\.yaml: there is no such file"):
        scenario_source(str(tmp_path / "none.yaml"))
    with pytest.raises(FileMistake, match="shown: this is a folder, not a file"):
        path_source(tmp_path, "shown")


def test_a_file_that_is_too_large_is_told_with_its_size(tmp_path: Path) -> None:
    with (tmp_path / "huge.yaml").open("wb") as stream:
        stream.truncate(LARGEST_FILE + 100)
    with pytest.raises(
        FileMistake, match=f"huge: the file has {LARGEST_FILE + 100} octets: {LARGEST_FILE} is the most"
    ):
        path_source(tmp_path / "huge.yaml", "huge")


def test_a_pipe_and_a_link_to_nowhere_are_called_what_they_are(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(FileMistake, match="this is a pipe, socket or device, not a file"):
        path_source(tmp_path / "pipe", "pipe")
    with pytest.raises(FileMistake, match="this is a symbolic link that leads to no file"):
        path_source(tmp_path / "loop", "loop")


def test_an_example_is_text_to_begin_ones_own_with() -> None:
    assert example_text("star6").startswith("format: 1\nname: star6\n")
    assert "network: star6\n" in example_text("star6/fig4")
    with pytest.raises(Mistake):
        example_text("star")


@pytest.mark.parametrize(
    ("where", "kind"), [("star6", Blueprint), ("star6/fig4", Scenario), ("generic-decoy-bb84", Device)]
)
def test_any_entry_of_the_library_can_be_checked(where: str, kind: type) -> None:
    checked = check(where)
    assert isinstance(checked.value, kind)
    assert checked.warnings == ()


def test_any_file_can_be_checked(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text(example_text("star6/fig4"), encoding="utf-8")
    assert isinstance(check(str(tmp_path / "mine")).value, Scenario)
    (tmp_path / "mine").write_text(example_text("star6").replace("{sla: gold,", "{sla: god,"), encoding="utf-8")
    with pytest.raises(FileMistake, match=r"mine:17:22: unknown SLA 'god' \(did you mean 'gold'\?\)"):
        check(str(tmp_path / "mine"))


def test_what_is_neither_a_name_nor_a_file_is_told() -> None:
    with pytest.raises(Mistake, match="did you mean 'star6/fig4'"):
        check("star6/fig5")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("protocol: x", "device"),
        ("parameters: {}", "device"),
        ("timeline: []", "scenario"),
        ("network: star6", "scenario"),
        ("nodes: {}", "network"),
        ("{stakeholder: x, choose: {}}", "need"),
        ("needs: {}", "need"),
        ("{ovm: qkd, choose: {}}", "selection"),
        ("choose: {}", "selection"),
        ("prices: {}", "cost book"),
        ("{variant: a.b, title: x}", "view"),
        ("nonsense", "network"),
    ],
)
def test_the_keys_of_a_file_say_what_kind_it_is(text: str, kind: str) -> None:
    assert kind_of(Source("f", text.encode())) == kind


def test_a_need_and_a_selection_of_one_name_are_told_apart_by_their_files() -> None:
    assert set(needs()) & set(selections()) == {"long-range"}
    assert (
        any_source("long-range").file == any_source("long-range/need").file == "library/examples/long-range/need.yaml"
    )
    assert any_source("long-range/selection").file == "library/examples/long-range/selection.yaml"
    assert example_text("long-range/selection").startswith("format: 1\nname: long-range\n")
    assert "stakeholder" in example_text("long-range")


@pytest.mark.parametrize("where", ["bank-ring/need", "star6/need", "long-range/network", "none/selection"])
def test_the_longer_form_is_only_for_names_that_mean_two_files(where: str) -> None:
    with pytest.raises(Mistake, match=f"unknown example, device, OVM, knowledge base or cost book '{where}'"):
        any_source(where)


def test_needs_and_selections_are_no_scenarios() -> None:
    assert [name for name in scenarios() if name.endswith(("/need", "/selection"))] == []


def test_every_name_leads_to_a_file_and_none_comes_twice() -> None:
    names = any_names()
    assert len(names) == len(set(names))
    assert {*networks(), *needs(), *selections(), *cost_book_names(), *device_names()} <= set(names)
    assert [name for name in names if not any_source(name).octets] == []
