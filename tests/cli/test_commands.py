"""The command line as a user types it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keytwin.cli import app, main
from keytwin.cli.exits import REPORT, Exit, guarded
from keytwin.vocabulary.errors import Mistake, Refusal
from tests.architecture.source import ROOT

Shell = Callable[..., tuple[int, str, str]]

SHORT = """\
format: 1
name: short
network: star6
duration: 5 s
timeline:
  - {at: 0 s, open: app01}
  - {at: 1500 ms, ask: {app: app01, number: 2}}
  - {at: 3 s, close: app01}
expect: {keys: %d, sessions_end: yes}
"""


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


@pytest.fixture
def short(tmp_path: Path) -> Callable[[int], str]:
    """Write a scenario that gives two keys and expects so many."""

    def write(expected: int) -> str:
        (tmp_path / "short.yaml").write_text(SHORT % expected, encoding="utf-8")
        return "short.yaml"

    return write


# --- running ----------------------------------------------------------------------------------------------------------


def test_runs_a_scenario_and_says_what_comes_next(shell: Shell, short: Callable[[int], str]) -> None:
    code, out, err = shell("run", short(2), "--seed", "7")
    assert (code, err) == (Exit.OK, "")
    assert out.startswith("short.yaml  5 s of virtual time, seed 7\n")
    assert "2 of 2 keys equal\n" in out
    assert out.splitlines()[-1].startswith("next: keytwin run short.yaml --seed 7 --figure lanes.svg")


def test_an_expectation_that_is_not_met_is_a_failure(shell: Shell, short: Callable[[int], str]) -> None:
    code, out, err = shell("run", short(3), "--seed", "7")
    assert code == Exit.FAILED
    assert err == "failed: expected 3 keys at both ends: there are 2\n"
    assert "--trace" in out.splitlines()[-1]


def test_prints_the_evidence_as_json_alone(shell: Shell, short: Callable[[int], str]) -> None:
    code, out, err = shell("run", short(2), "--seed", "7", "--json")
    evidence: dict[str, Any] = json.loads(out)
    assert (code, err) == (Exit.OK, "")
    assert (evidence["pairs"], evidence["equal"], evidence["as_expected"], evidence["seed"]) == (2, 2, True, 7)
    assert len(evidence["links"]) == 24


def test_draws_a_fresh_seed_and_shows_it(shell: Shell, short: Callable[[int], str]) -> None:
    name = short(2)
    seeds = {json.loads(shell("run", name, "--json")[1])["seed"] for _ in range(3)}
    assert len(seeds) > 1
    _, out, _ = shell("run", name)
    seed = out.split("seed ")[1].split()[0]
    assert f"keytwin run short.yaml --seed {seed} " in out.splitlines()[-1]


def test_writes_trace_and_figure_and_equal_seeds_give_equal_files(
    shell: Shell, short: Callable[[int], str], tmp_path: Path
) -> None:
    name = short(2)
    for run in ("a", "b"):
        code, _, _ = shell("run", name, "--seed", "7", "--trace", f"{run}.jsonl", "--figure", f"{run}.svg")
        assert code == Exit.OK
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    shell("run", name, "--seed", "8", "--trace", "c.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() != (tmp_path / "c.jsonl").read_bytes()


@pytest.mark.slow
def test_the_order_of_sets_leaves_no_mark_in_a_trace(short: Callable[[int], str], tmp_path: Path) -> None:
    name = short(2)
    for salt in ("1", "2"):
        command = [sys.executable, "-m", "keytwin", "run", name, "--seed", "7", "--trace", f"{salt}.jsonl"]
        environment = {**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": str(ROOT / "src")}
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def test_shows_the_books_when_asked(shell: Shell, short: Callable[[int], str]) -> None:
    name = short(2)
    assert "ingested" in shell("run", name, "--seed", "7", "--accounts")[1]
    assert "ingested" not in shell("run", name, "--seed", "7")[1]


def test_a_file_that_cannot_be_written_is_a_refusal(shell: Shell, short: Callable[[int], str]) -> None:
    code, _, err = shell("run", short(2), "--seed", "7", "--trace", "nowhere/run.jsonl")
    assert code == Exit.REFUSED
    assert "nowhere/run.jsonl" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "options",
    [
        ("--trace", "short.yaml"),
        ("--figure", "short.yaml"),
        ("--figure", "a.png"),
        ("--figure", "a.svg", "--trace", "a.svg"),
    ],
)
def test_nothing_of_the_user_is_overwritten(
    options: tuple[str, ...], shell: Shell, short: Callable[[int], str], tmp_path: Path
) -> None:
    name = short(2)
    code, out, err = shell("run", name, *options)
    assert (code, out) == (Exit.MISTAKE, "")
    assert err.startswith("keytwin: ")
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == SHORT % 2


def test_the_demonstration_overwrites_nothing_either(shell: Shell, tmp_path: Path) -> None:
    shell("init", "mine")
    assert shell("demo", "--figure", "mine/network.yaml")[0] == Exit.MISTAKE
    assert (tmp_path / "mine/network.yaml").read_text(encoding="utf-8").startswith("# A network")


@pytest.mark.parametrize("seed", ["1.5", "2.0", "-1", "0x10", "1_000", str(2**63), "", "²"])
def test_a_seed_is_a_whole_number_and_never_rounded(seed: str, shell: Shell, short: Callable[[int], str]) -> None:
    code, out, err = shell("run", short(2), f"--seed={seed}")
    assert (code, out) == (Exit.MISTAKE, "")
    assert "--seed" in err


def test_pairs_are_a_whole_number(shell: Shell) -> None:
    assert shell("demo", "--pairs", "2.0")[0] == Exit.MISTAKE


def test_the_demonstration_draws_and_counts(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell("demo", "--seed", "7", "--pairs", "10")
    assert code == Exit.OK
    assert "3 of 3 keys equal\nlanes drawn in demo/star6-fig4.svg\n" in out
    assert "30 of 30 keys equal\n" in out
    assert (tmp_path / "demo/star6-fig4.svg").exists()
    # Paper A's case comes first, with all that a design leaves behind.
    assert out.index("Everything that must be met is met") < out.index("3 of 3 keys equal")
    assert {"report.html", "network.yaml", "verdict.json"} <= {
        path.name for path in (tmp_path / "demo/long-range").iterdir()
    }


def test_the_demonstration_as_json(shell: Shell) -> None:
    code, out, _ = shell("demo", "--seed", "7", "--pairs", "2", "--json")
    assert code == Exit.OK
    told = json.loads(out)
    assert {name: told[name]["equal"] for name in ("experiment", "many")} == {"experiment": 3, "many": 6}
    assert told["case"]["is_met"]


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_first_network_has_no_mistake_and_runs(shell: Shell) -> None:
    assert shell("init", "mine")[0] == Exit.OK
    code, out, err = shell("check", "mine/network.yaml")
    assert (code, err) == (Exit.OK, "")
    assert out.startswith("mine/network.yaml: a network without mistakes: 4 nodes, 4 links, 2 apps\n")
    code, out, _ = shell("run", "mine/network.yaml", "--seed", "7")
    assert code == Exit.OK


def test_the_first_need_has_no_mistake(shell: Shell) -> None:
    code, out, _ = shell("init", "mine", "--need")
    assert (code, out.splitlines()[0]) == (Exit.OK, "wrote mine/need.yaml")
    code, out, err = shell("check", "mine/need.yaml")
    assert (code, err) == (Exit.OK, "")
    assert out.startswith("mine/need.yaml: a need without mistakes: 3 sites, 3 lines, 0 satellites, 3 needs\n")
    assert shell("init", "mine/other.yaml", "--need")[1].startswith("wrote mine/other.yaml\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--topology", "sndlib/germany50"), "a need names no topology: leave --topology or --need out"),
        (("--span", "80km"), "--span is said of a known topology: name one with --topology"),
    ],
)
def test_a_need_begins_with_no_topology(shell: Shell, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    code, _, err = shell("init", "mine", "--need", *words)
    assert (code, err) == (Exit.MISTAKE, f"keytwin: {told}\n")
    assert not (tmp_path / "mine").exists()


def test_no_file_is_overwritten(shell: Shell, tmp_path: Path) -> None:
    shell("init", "mine")
    (tmp_path / "mine/network.yaml").write_text("mine", encoding="utf-8")
    code, _, err = shell("init", "mine")
    assert (code, err) == (
        Exit.MISTAKE,
        "keytwin: mine/network.yaml is there already: choose another folder, or move it away\n",
    )
    assert (tmp_path / "mine/network.yaml").read_text(encoding="utf-8") == "mine"


def test_a_file_in_the_place_of_a_folder_is_said_to_be_one(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    code, _, err = shell("init", "mine")
    assert (code, err) == (Exit.MISTAKE, "keytwin: mine is a file, not a folder: choose another name\n")


def test_a_folder_is_answered_with_its_network(shell: Shell) -> None:
    shell("init", "mine")
    code, _, err = shell("run", "mine")
    assert (code, err) == (Exit.MISTAKE, "keytwin: 'mine' is a folder: did you mean 'mine/network.yaml'?\n")


def test_all_mistakes_are_shown_with_their_places(shell: Shell, tmp_path: Path) -> None:
    text = "format: 1\nname: bad\nnodes: {a: , b: }\nlinks:\n  - a -- c\n  - a -- b: {link_legth: 12 km, length: 7}\n"
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    code, out, err = shell("check", "bad.yaml")
    assert (code, out) == (Exit.MISTAKE, "")
    places = [line.split(": ")[0] for line in err.splitlines()]
    assert places[:3] == ["bad.yaml:5:10", "bad.yaml:6:14", "bad.yaml:6:41"]
    assert "3 mistakes" in places[-1]
    assert "Traceback" not in err
    code, out, err = shell("check", "bad.yaml", "--json")
    assert (code, err) == (Exit.MISTAKE, "")
    assert [mistake["line"] for mistake in json.loads(out)["mistakes"]] == [5, 6, 6]


def test_run_shows_the_same_mistakes_as_check(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("format: 1\nname: bad\nnods: {}\n", encoding="utf-8")
    code, out, err = shell("run", "bad.yaml")
    assert (code, out) == (Exit.MISTAKE, "")
    assert "bad.yaml:3:1: " in err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("star6/fig4", "a scenario without mistakes: 9 steps on network star6 (6 nodes, 6 links, 3 apps)"),
        ("generic-decoy-bb84", "a device without mistakes: protocol decoy-bb84"),
        ("bank-ring", "a need without mistakes: 5 sites, 5 lines, 0 satellites, 5 needs"),
        ("long-range", "a need without mistakes: 2 sites, 1 line, 1 satellite, 8 needs"),
        ("long-range/selection", "a selection without mistakes: 6 variants of OVM qkd"),
        ("assumed", "a cost book without mistakes: "),
    ],
)
def test_checks_the_examples_too(shell: Shell, name: str, told: str) -> None:
    code, out, _ = shell("check", name)
    assert code == Exit.OK
    assert told in out
    assert json.loads(shell("check", name, "--json")[1])["mistakes"] == []


@pytest.mark.parametrize(
    ("name", "following"),
    [
        ("bank-ring", "keytwin design bank-ring"),
        ("long-range/selection", "keytwin views --select long-range/selection"),
        ("assumed", "keytwin schema costs"),
        ("qkd", "keytwin ovm show qkd"),
        ("star6", "keytwin run star6"),
    ],
)
def test_a_check_tells_what_comes_next(shell: Shell, name: str, following: str) -> None:
    assert f"next: {following}  #" in shell("check", name)[1]


def test_a_need_cannot_be_run(shell: Shell) -> None:
    code, _, err = shell("run", "hospital")
    told = "keytwin: hospital describes a need: make a network of it first, with keytwin design hospital\n"
    assert (code, err) == (Exit.MISTAKE, told)


def test_an_unknown_example_is_answered_with_the_nearest(shell: Shell) -> None:
    code, _, err = shell("run", "star6/fig5")
    assert code == Exit.MISTAKE
    assert "did you mean 'star6/fig4'" in err


def test_checks_an_unknown_name_as_json_too(shell: Shell) -> None:
    code, out, err = shell("check", "star6/fig5", "--json")
    assert (code, err) == (Exit.MISTAKE, "")
    (mistake,) = json.loads(out)["mistakes"]
    assert "did you mean 'star6/fig4'" in mistake["what"]


def test_lists_the_examples(shell: Shell) -> None:
    code, out, _ = shell("examples")
    assert code == Exit.OK
    assert all(name in out for name in ("star6/fig4", "nsf14", "ring5", "generic-decoy-bb84"))
    listed = {each["name"]: each["kind"] for each in json.loads(shell("examples", "--json")[1])}
    assert (listed["star6"], listed["star6/fig4"], listed["generic-decoy-bb84"]) == ("network", "scenario", "device")
    assert (listed["bank-ring"], listed["assumed"]) == ("need", "cost book")


def test_prints_the_file_of_an_example_as_it_is(shell: Shell, tmp_path: Path) -> None:
    _, out, _ = shell("examples", "star6")
    (tmp_path / "mine.yaml").write_text(out, encoding="utf-8")
    assert shell("check", "mine.yaml")[0] == Exit.OK


def test_prints_schemas(shell: Shell) -> None:
    assert shell("schema")[1].startswith("network")
    assert json.loads(shell("schema", "network")[1])["$schema"].startswith("https://json-schema.org/")
    assert json.loads(shell("schema", "etsi014")[1])["openapi"] == "3.1.0"
    assert json.loads(shell("schema", "skip")[1])["info"]["version"] == "02"
    code, _, err = shell("schema", "netwrk")
    assert code == Exit.MISTAKE
    assert "did you mean 'network'" in err


# --- the shell itself -------------------------------------------------------------------------------------------------


def test_an_unknown_command_is_a_mistake_with_the_nearest(shell: Shell) -> None:
    code, out, err = shell("rnu")
    assert (code, out) == (Exit.MISTAKE, "")
    assert 'Did you mean "run"' in err


def test_says_its_version(shell: Shell) -> None:
    code, out, _ = shell("--version")
    assert code == Exit.OK
    assert out.startswith("keytwin ")


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    command = f"set -o pipefail; {sys.executable} -m keytwin schema network | head -1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    words = ["/bin/bash", "-c", command]
    run = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "{\n", "")


@pytest.mark.slow
def test_a_reader_of_a_table_may_go_away_too(short: Callable[[int], str], tmp_path: Path) -> None:
    command = f"set -o pipefail; {sys.executable} -m keytwin run {short(2)} --seed 7 | head -1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    words = ["/bin/bash", "-c", command]
    run = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "short.yaml  5 s of virtual time, seed 7\n", "")


def test_help_names_every_command(shell: Shell) -> None:
    code, out, _ = shell("--help")
    assert code == Exit.OK
    assert all(name in out for name in app if not name.startswith("-"))


def raising(error: Exception) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Mistake("no such thing"), Exit.MISTAKE, "keytwin: no such thing\n"),
        (Refusal("not now"), Exit.REFUSED, "keytwin: not now\n"),
    ],
)
def test_whose_fault_it_is_decides_the_exit_code(
    error: Exception, code: Exit, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(error)) == code
    assert capsys.readouterr().err == said


def test_a_bug_shows_its_trace_and_asks_for_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(AssertionError("impossible"))) == Exit.INTERNAL
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "AssertionError: impossible" in err
    assert err.endswith(f"{REPORT}\n")
