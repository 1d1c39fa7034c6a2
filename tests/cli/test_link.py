"""`keytwin link` and `keytwin papers` as a user types them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main
from keytwin.cli.link import Changes
from keytwin.report import papers
from keytwin.report.published import PUBLISHED
from keytwin.vocabulary.errors import Mistake

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


def test_a_device_is_told_in_full_with_the_next_command(shell: Shell) -> None:
    code, out, err = shell("link", "rate", "generic-dps", "--length", "50km", "--set", "dark_count=1e-7")
    assert (code, err) == (0, "")
    for said in ("50 km, 10 dB", "bit/pulse", "bit/s", "PLOB bound", "TGW bound", "single repeater", "individual"):
        assert said in out
    assert "gain             0.002108 per signal pulse" in out
    assert "link explain generic-dps --length 50km --set dark_count=1e-7" in out


def test_a_network_is_told_link_by_link(shell: Shell) -> None:
    code, out, _ = shell("link", "rate", "star6")
    assert code == 0
    assert sum(line.lstrip().startswith("km") for line in out.splitlines()) == 6


def test_json_has_every_number_and_null_for_what_is_not_told(shell: Shell) -> None:
    code, out, _ = shell("link", "rate", "empirical-black-box", "--json")
    (told,) = json.loads(out)
    assert code == 0
    assert (told["rate_per_second"], told["gain"], told["rate_per_pulse"]) == (50_000, None, None)
    assert told["bounds"] == {"plob": None, "tgw": None, "single_repeater": None}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("generic-dps",), "say what lies between the modules"),
        (("generic-dps", "--loss", "90dB"), "gives no key at 90.0 dB"),
        (("star6", "--set", "dark_count"), "--set dark_count: write KEY=VALUE"),
        (("star6", "--loss", "3dB", "--set", "loss=4 dB"), "loss is set more than once"),
        (("star6", "--set", "dark_cont=1"), "did you mean 'dark_count'?"),
        (("star6", "km0--km8"), "has no link 'km0--km8'"),
    ],
)
def test_mistakes_leave_with_2(shell: Shell, words: tuple[str, ...], told: str) -> None:
    code, out, err = shell("link", "rate", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert err.startswith("keytwin: ")


def test_a_link_is_explained_and_drawn(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell("link", "explain", "generic-dps", "--length", "50km", "--figure", "dps.svg")
    assert code == 0
    assert "loss of the channel" in out
    assert "reach: 206 km" in out
    assert "drawn in dps.svg" in out
    assert (tmp_path / "dps.svg").read_bytes().startswith(b"<?xml")


def test_an_explanation_as_json(shell: Shell) -> None:
    _, out, _ = shell("link", "explain", "generic-dps", "--loss", "10dB", "--json")
    told = json.loads(out)
    assert told["unit"] == "dB"
    assert len(told["curve"]) == len(told["places"])
    assert {"what", "ideal", "rate_per_second", "gain"} == set(told["limits"][0])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("star6",), "star6 has 6 links: name one, such as km0--km1"),
        (("generic-dps", "--loss", "9dB", "--figure", "dps.png"), "a name that ends in .svg"),
        (("empirical-black-box", "--figure", "box.svg"), "there is no distance to draw over"),
    ],
)
def test_what_cannot_be_explained_or_drawn(shell: Shell, words: tuple[str, ...], told: str) -> None:
    code, _, err = shell("link", "explain", *words)
    assert code == 2
    assert told in err


def test_a_black_box_has_no_reach(shell: Shell) -> None:
    code, out, _ = shell("link", "explain", "empirical-black-box")
    assert code == 0
    assert "reach: its loss is not chosen" in out


def test_published_values_are_listed_and_computed(shell: Shell) -> None:
    code, out, _ = shell("papers", "ls")
    assert code == 0
    assert [each.name for each in PUBLISHED if each.name not in out] == []
    code, out, _ = shell("papers", "run", "bbm92")
    assert code == 0
    assert "4 of 4 published values reproduced" in out


def test_published_values_as_json(shell: Shell) -> None:
    _, out, _ = shell("papers", "ls", "--json")
    assert len(json.loads(out)) == len(PUBLISHED)
    assert "ours" not in json.loads(out)[0]
    _, out, _ = shell("papers", "run", "gys-reach", "--json")
    (row,) = json.loads(out)
    assert row["ok"] is True
    assert row["ours"] == pytest.approx(142.0, abs=0.1)


def test_a_value_that_is_off_fails(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papers, "PUBLISHED", (dataclasses.replace(PUBLISHED[0], value=1.0),))
    code, out, _ = shell("papers", "run")
    assert code == 1
    assert "0 of 1 published value reproduced" in out


def test_changes_are_told_again_as_they_were_typed() -> None:
    changes = Changes(length="50 km", settings=("dark_count=1e-7", "block_time=10 s"))
    assert changes.again() == " --length '50 km' --set dark_count=1e-7 --set 'block_time=10 s'"
    assert changes.by_key() == {"length": "50 km", "dark_count": "1e-7", "block_time": "10 s"}
    with pytest.raises(Mistake, match="more than once"):
        Changes(settings=("a=1", "a=2")).by_key()
