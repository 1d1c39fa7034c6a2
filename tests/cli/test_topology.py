"""Known topologies at the command line: `keytwin init --topology` and `keytwin examples --topologies`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main
from keytwin.cli.exits import Exit
from keytwin.files import hub

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


@pytest.mark.slow
def test_a_topology_becomes_a_file_that_has_no_mistake_and_runs(shell: Shell) -> None:
    code, out, err = shell("init", "nets/mynet.yaml", "--topology", "gabriel/5/0", "--span", "40km", "--apps", "1")
    assert (code, err) == (Exit.OK, "")
    assert out.startswith("wrote nets/mynet.yaml\ngabriel/5/0: 5 nodes, ")
    assert "trusted nodes inserted: " in out
    assert "spans of at most 40 km\n1 app between far nodes\n" in out
    code, out, err = shell("check", "nets/mynet.yaml")
    assert (code, err) == (Exit.OK, "")
    assert shell("run", "nets/mynet.yaml", "--seed", "7")[0] == Exit.OK


@pytest.mark.slow
def test_names_that_change_are_told_the_first_few_of_them(shell: Shell) -> None:
    out = shell("init", "a.yaml", "--topology", "topozoo/Agis", "--device", "empirical-black-box")[1]
    assert "names written otherwise: " in out
    assert "'Washington, DC' is Washington-DC" in " ".join(out.split())
    told = " ".join(out.split()).partition("written otherwise: ")[2].partition(" next:")[0]
    assert told.count(" is ") == 8
    assert " more" in told


@pytest.mark.slow
def test_a_folder_gets_the_usual_file(shell: Shell, tmp_path: Path) -> None:
    assert shell("init", "mine", "--topology", "gabriel/5/0", "--apps", "0")[0] == Exit.OK
    assert "apps" not in (tmp_path / "mine/network.yaml").read_text(encoding="utf-8")


def test_a_first_network_may_be_a_file_too(shell: Shell, tmp_path: Path) -> None:
    assert shell("init", "first.yaml")[1].startswith("wrote first.yaml\n")
    assert shell("check", "first.yaml")[0] == Exit.OK
    (tmp_path / "first.yaml").write_text("mine", encoding="utf-8")
    code, _, err = shell("init", "first.yaml")
    assert (code, err) == (
        Exit.MISTAKE,
        "keytwin: first.yaml is there already: choose another name, or move it away\n",
    )
    assert (tmp_path / "first.yaml").read_text(encoding="utf-8") == "mine"


def test_a_device_file_is_named_as_seen_from_the_network(shell: Shell, tmp_path: Path) -> None:
    device = shell("examples", "empirical-black-box")[1].replace("name: empirical-black-box", "name: box")
    (tmp_path / "box.yaml").write_text(device, encoding="utf-8")
    assert shell("init", "nets/a.yaml", "--topology", "gabriel/5/0", "--device", "box.yaml")[0] == Exit.OK
    assert 'device: "../box.yaml"' in (tmp_path / "nets/a.yaml").read_text(encoding="utf-8")
    assert shell("check", "nets/a.yaml")[0] == Exit.OK


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--topology", "germany5"), "did you mean 'sndlib/germany50'?; `keytwin examples --topologies` lists them"),
        (("--topology", "gabriel/5/0", "--span", "80"), "'80' has no unit"),
        (("--topology", "gabriel/25/0", "--span", "150km"), "it reaches 20.0 dB"),
        (("--topology", "gabriel/5/0", "--apps", "2.0"), "--apps"),
        (("--topology", "gabriel/5/0", "--apps", "9"), "at most 2 apps"),
        (("--span", "80km"), "--span is said of a known topology: name one with --topology"),
        (("--apps", "0"), "--apps is said of a known topology"),
    ],
)
def test_a_mistake_leaves_no_trace(options: tuple[str, ...], told: str, shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell("init", "deep/mynet.yaml", *options)
    assert (code, out) == (Exit.MISTAKE, "")
    assert told in " ".join(err.split())
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_one_is_told_how_to_get_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hub, "PACKAGE", "no_package_of_this_name")
    hub.hub_names.cache_clear()
    try:
        for words in (("init", "a.yaml", "--topology", "sndlib/polska"), ("examples", "--topologies")):
            code, out, err = shell(*words)
            assert (code, out) == (Exit.REFUSED, "")
            assert "pip install 'keytwin[topologies]'" in err
        assert shell("examples")[0] == shell("init", "b.yaml")[0] == Exit.OK
    finally:
        hub.hub_names.cache_clear()
    assert [each.name for each in tmp_path.iterdir()] == ["b.yaml"]


def test_topologies_are_listed_by_collection(shell: Shell) -> None:
    out = shell("examples", "--topologies")[1]
    assert "gabriel" in out
    assert "sndlib/abilene" in out
    groups = json.loads(shell("examples", "--topologies", "--json")[1])
    assert "sndlib/germany50" in groups["sndlib"]


def test_those_of_a_collection_are_listed_with_their_sizes(shell: Shell) -> None:
    out = shell("examples", "sndlib", "--topologies")[1]
    assert ["sndlib/germany50", "50", "88", "252", "km"] in [line.split() for line in out.splitlines()]
    rows = json.loads(shell("examples", "--topologies", "sndlib", "--json")[1])
    assert {"name": "sndlib/germany50", "nodes": 50, "links": 88, "longest_km": 252.3} in rows


def test_an_unknown_collection_is_answered_with_the_nearest(shell: Shell) -> None:
    assert "did you mean 'sndlib'?" in shell("examples", "--topologies", "snd")[2]
    assert "known: backbone, caida" in shell("examples", "--topologies", "qqqq")[2]
