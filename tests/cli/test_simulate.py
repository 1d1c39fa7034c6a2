"""`keytwin simulate` at the command line: what it prints, how it tells violations, and what it says to who mistypes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main
from keytwin.cli.exits import Exit
from keytwin.cli.simulate import MOST_TOLD, Tally, as_json
from keytwin.scenario.hunt import Outcome
from keytwin.scenario.hunt_scope import Scope
from keytwin.scenario.hunt_storm import KINDS

KILLS = frozenset({"kills"})
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


def outcome(seed: int, broken: str = "") -> Outcome:
    return Outcome(
        seed, broken, {"kills": 2}, keys=3, sessions=1, sealed=5, messages=8, families=KILLS, digest=f"{seed:x}"
    )


@pytest.mark.slow
def test_a_hunt_tells_faults_work_and_speed(shell: Shell) -> None:
    code, out, err = shell("simulate", "--seeds", "2", "--first-seed", "5", "--nodes", "4", "--jobs", "1")
    assert (code, err) == (Exit.OK, "")
    assert out.startswith("2 runs of 4 nodes, seeds 5 to 6: 0 violations\n")
    for kind in KINDS:
        assert re.search(rf"^ {kind} +[0-9,]+ $", out, re.MULTILINE), kind
    assert re.search(r"^ keys at both ends +[1-9]", out, re.MULTILINE)
    assert re.search(r"^\d+\.\d\d runs/s$", out, re.MULTILINE)


@pytest.mark.slow
def test_json_is_the_same_whatever_runs_it_and_whenever(shell: Shell) -> None:
    words = ("simulate", "--seeds", "3", "--json")
    code, out, err = shell(*words, "--jobs", "1")
    assert (code, err) == (Exit.OK, "")
    assert shell(*words, "--jobs", "2") == (code, out, err)
    told = json.loads(out)
    assert told.keys() == {"seeds", "first_seed", "nodes", "faults", "work", "violations", "digests"}
    assert (told["seeds"], told["first_seed"], told["nodes"], told["violations"]) == (3, 1, None, [])
    assert len(set(told["digests"])) == 3


def test_a_violation_has_seed_rule_and_a_line_to_replay_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(seeds: range, nodes: int | None, jobs: int, scope: Scope) -> list[Outcome]:
        del nodes, jobs, scope
        return [outcome(seed, "P1: octet 7 serves twice" if seed % 2 else "") for seed in seeds]

    monkeypatch.setattr("keytwin.scenario.hunt.hunt", found)
    code, out, err = shell("simulate", "--seeds", "4", "--first-seed", "10", "--nodes", "6", "--jobs", "1")
    assert code == Exit.FAILED
    assert out.startswith("4 runs of 6 nodes, seeds 10 to 13: 2 violations\n")
    assert re.search(r"^ kills +8 $", out, re.MULTILINE)
    assert err.splitlines() == [
        "violated: seed 11: P1: octet 7 serves twice",
        "  replay: keytwin simulate --seeds 1 --first-seed 11 --nodes 6",
        "violated: seed 13: P1: octet 7 serves twice",
        "  replay: keytwin simulate --seeds 1 --first-seed 13 --nodes 6",
    ]
    code, _, err = shell("simulate", "--seeds", "100", "--json")
    assert code == Exit.FAILED
    assert err.count("violated: seed") == MOST_TOLD
    assert err.endswith(f"violated: and {50 - MOST_TOLD} more; --json has all\n")


def test_all_violations_are_in_the_json() -> None:
    tally = Tally(None)
    for seed in (7, 8):
        tally.add(outcome(seed, "K1: twice" if seed == 8 else ""))
    told = as_json(tally, range(7, 9))
    assert told["faults"] == {"kills": 4}
    assert told["work"] == {"keys at both ends": 6, "sessions": 2, "sealed messages": 10, "messages": 16}
    assert told["digests"] == ["7", "8"]
    replay = "keytwin simulate --seeds 1 --first-seed 8"
    assert told["violations"] == [{"seed": 8, "violated": "K1: twice", "replay": replay}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seeds", "0"), "--seeds 0: how many runs shall there be? Write a number from 1 to 10,000,000"),
        (("--nodes", "1"), "--nodes 1: write a number from 2 to 100, or leave it out"),
        (("--nodes", "101"), "--nodes 101: write a number from 2 to 100, or leave it out"),
        (("--jobs", "0"), "--jobs 0: somebody must do it"),
        (("--first-seed", str(2**63 - 1)), f"the last seed would be above {2**63 - 1}: begin lower"),
    ],
)
def test_mistakes_are_told_with_a_remedy(shell: Shell, words: tuple[str, ...], said: str) -> None:
    code, out, err = shell("simulate", *words)
    assert (code, out) == (Exit.MISTAKE, "")
    assert said in err


def test_what_is_no_number_is_refused(shell: Shell) -> None:
    code, out, err = shell("simulate", "--seeds", "many")
    assert code == Exit.MISTAKE
    assert "'many' is no whole number" in out + err


def test_a_smaller_violation_is_told_before_the_others(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Scope] = []

    def found(seeds: range, nodes: int | None, jobs: int, scope: Scope) -> list[Outcome]:
        del nodes, jobs
        asked.append(scope)
        return [outcome(seed, "P1: twice") for seed in seeds]

    def smaller(found: Outcome, nodes: int | None, scope: Scope) -> Scope:
        assert (found.seed, nodes, scope) == (3, None, asked[0])
        return Scope(KILLS, frozenset({"a0"}), 6)

    monkeypatch.setattr("keytwin.scenario.hunt.hunt", found)
    monkeypatch.setattr("keytwin.scenario.hunt.smaller", smaller)
    words = ("simulate", "--seeds", "1", "--first-seed", "3", "--only", "kills,flips", "--apps", "a0,a1")
    code, _, err = shell(*words, "--shrink")
    assert code == Exit.FAILED
    assert asked == [Scope(frozenset({"kills", "flips"}), frozenset({"a0", "a1"}))]
    assert err.splitlines() == [
        "smaller: keytwin simulate --seeds 1 --first-seed 3 --only kills --apps a0 --storm-ends 6",
        "violated: seed 3: P1: twice",
        "  replay: keytwin simulate --seeds 1 --first-seed 3 --only flips,kills --apps a0,a1",
    ]
    assert shell(*words)[2].startswith("violated:")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "kills,rain"), "--only: no faults are called 'rain': write some of messages, links, kills"),
        (("--storm-ends", "26"), "--storm-ends 26: write a second from 2 to 25"),
    ],
)
def test_what_there_is_not_is_a_mistake(words: tuple[str, ...], told: str, shell: Shell) -> None:
    code, _, err = shell("simulate", *words)
    assert code == Exit.MISTAKE
    assert err.startswith(f"keytwin: {told}")
