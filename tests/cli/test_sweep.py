"""`keytwin sweep` at the command line: what it prints and writes, and what it says to those who mistype."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keytwin.cli import main
from keytwin.cli.exits import Exit
from keytwin.cli.sweep import processes
from keytwin.scenario.sweep import Row, run_cell
from keytwin.vocabulary.errors import Mistake

Shell = Callable[..., tuple[int, str, str]]
QUICK = ("--seeds", "2", "--loads", "0.2,0.8", "--duration", "30s", "--holding", "20 s", "--every", "5 s")


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
def test_tables_and_figure_are_written_and_the_same_by_any_number_of_processes(shell: Shell, tmp_path: Path) -> None:
    words = ("sweep", "ring5", "--metrics", "hops, residual", *QUICK)
    code, out, err = shell(*words, "-o", "one", "--jobs", "1", "--parquet")
    assert (code, err) == (Exit.OK, "")
    assert out.startswith("ring5  8 runs\nload 1 = ")
    assert "wrote one/runs.parquet" in out
    assert shell(*words, "-o", "two", "--jobs", "2", "--parquet")[0] == Exit.OK
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["blocking.svg", "plan.json", "runs.csv", "runs.parquet", "summary.csv"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    runs = list(csv.DictReader(io.StringIO((tmp_path / "one/runs.csv").read_text(encoding="utf-8"))))
    assert [(each["metric"], each["load"], each["seed"]) for each in runs[:3]] == [
        ("hops", "0.2", "1"),
        ("hops", "0.2", "2"),
        ("hops", "0.8", "1"),
    ]


@pytest.mark.slow
def test_json_is_all_there_is_on_stdout(shell: Shell) -> None:
    code, out, err = shell("sweep", "ring5", "--metrics", "hops", *QUICK, "--jobs", "1", "--json")
    assert (code, err) == (Exit.OK, "")
    told = json.loads(out)
    assert told.keys() == {"plan", "summary", "runs"}
    assert len(told["runs"]) == 4
    assert told["plan"]["metrics"] == ["hops"]
    low, high = ([each for each in told["summary"] if each["load"] == load] for load in (0.2, 0.8))
    assert low[0]["measure"] == high[0]["measure"] == "blocking"
    assert low[0]["mean"] < high[0]["mean"]


@pytest.mark.slow
def test_without_a_folder_the_next_step_is_shown_and_all_metrics_are_run(shell: Shell) -> None:
    code, out, _ = shell("sweep", "ring5", "--seeds", "1", *QUICK[2:], "--jobs", "1")
    assert code == Exit.OK
    assert "keytwin sweep ring5 -o sweep" in out
    for metric in ("hops", "key-aware", "residual"):
        assert f"\n {metric}" in out
    assert "±" not in out, "one run tells nothing of spread"


@pytest.mark.slow
def test_how_far_it_is_is_told_at_a_terminal_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    shell("sweep", "ring5", "--metrics", "hops", *QUICK, "--jobs", "1", "--json")
    assert screen.getvalue().startswith("\r1 of 4 runs")
    assert screen.getvalue().endswith("\r4 of 4 runs\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ring6",), "no example is called 'ring6' (did you mean 'ring5'?"),
        (("star6/fig4",), "star6/fig4 is a scenario, with sessions of its own: name a network"),
        (("ring5", "--metrics", "hop"), "--metrics: no routing metric is called 'hop' (did you mean 'hops'?)"),
        (("ring5", "--metrics", ","), "a sweep needs at least one metric: give it with --metrics"),
        (("ring5", "--loads", "0.1,0"), "--loads: 0 is no load: write numbers above 0, such as 0.2,0.5"),
        (("ring5", "--loads", "much"), "--loads: 'much' is not a plain number: write a number"),
        (("ring5", "--loads", "-0.1"), "--loads: '-0.1' is out of range"),
        (("ring5", "--seeds", "0"), "--seeds 0: how many runs shall there be? Write a number from 1 to 10,000"),
        (("ring5", "--duration", "600"), "--duration: '600' has no unit"),
        (("ring5", "--holding", "0 s"), "--holding must be above 0: write a time such as '30 s'"),
        (("ring5", "--rate", "1 kbps"), "--rate: "),
        (("ring5", "--measure", "bloking"), "--measure: no measure is called 'bloking' (did you mean 'blocking'?)"),
        (("ring5", "--parquet"), "--parquet writes a file: say with -o into which folder"),
        (("ring5", "--jobs", "0"), "--jobs 0: somebody must do it; write 1 or more, or leave it out for all cores"),
        (("ring5", "-o", "taken"), "--output: 'taken' is a file, and the results are several: name a folder"),
        (("micius",), "raise --rate or --every"),
    ],
)
def test_mistakes_are_told_with_place_and_remedy(
    shell: Shell, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    code, out, err = shell("sweep", *words)
    assert (code, out) == (Exit.MISTAKE, "")
    assert said in err
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


@pytest.mark.slow
def test_a_rule_that_is_broken_is_told_and_makes_the_sweep_a_failure(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsound(*given: object) -> Row:
        return replace(run_cell(*given), failures=("the books of km0 lack 3 octets",))  # type: ignore[arg-type]

    monkeypatch.setattr("keytwin.scenario.sweep.run_cell", unsound)
    code, out, err = shell("sweep", "ring5", "--metrics", "hops", "--seeds", "12", *QUICK[2:], "--jobs", "1")
    assert code == Exit.FAILED
    assert "refused in %" in out
    assert err.startswith("failed: hops at load 0.2, seed 1: the books of km0 lack 3 octets\n")
    assert err.endswith("failed: and 14 more\n")


@pytest.mark.slow
def test_another_measure_is_drawn_into_a_file_of_its_name(shell: Shell, tmp_path: Path) -> None:
    words = ("sweep", "ring5", "--metrics", "hops", *QUICK, "--jobs", "1", "-o", "out", "--measure", "hops")
    assert shell(*words)[0] == Exit.OK
    assert b"<svg" in (tmp_path / "out/hops.svg").read_bytes()
    assert not (tmp_path / "out/blocking.svg").exists()


@pytest.mark.slow
def test_a_network_of_one_s_own_may_have_no_apps(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "pair.yaml").write_text(
        "format: 1\nname: pair\ndefaults:\n  link: {device: generic-decoy-bb84, length: 20 km}\n"
        "nodes: {a: , b: }\nlinks: [a -- b]\n",
        encoding="utf-8",
    )
    code, out, err = shell("sweep", "pair.yaml", "--metrics", "hops", *QUICK, "--jobs", "1")
    assert (code, err) == (Exit.OK, "")
    assert "each 1 hops on average" in out


def test_all_cores_are_used_unless_somebody_says_otherwise() -> None:
    assert processes(None) >= 1
    assert processes(3) == 3
    with pytest.raises(Mistake):
        processes(0)
