"""The files of a sweep: read back they say what was found, and equal sweeps give equal bytes."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from keytwin.report.sweep_files import (
    COLUMNS,
    plan_facts,
    prepare,
    runs_as_csv,
    show_traffic,
    summary_as_csv,
    write_parquet,
    write_sweep,
)
from keytwin.report.sweep_statistics import summarised
from keytwin.scenario.sweep import MEASURES
from keytwin.vocabulary.errors import Mistake, Refusal
from tests.report.sweeps import plan, row, rows


def test_the_table_has_a_row_for_each_run_and_loses_no_digit() -> None:
    read = list(csv.DictReader(StringIO(runs_as_csv(rows()))))
    assert len(read) == len(rows()) == 12
    assert tuple(read[0]) == COLUMNS
    for told, meant in zip(read, rows(), strict=True):
        assert told["metric"] == meant.metric
        assert int(told["seed"]) == meant.seed
        for measure in MEASURES:
            assert float(told[measure]) == getattr(meant, measure)


def test_where_there_is_nothing_the_cell_is_empty() -> None:
    (read,) = csv.DictReader(StringIO(runs_as_csv([row("hops", 0.1, 1, None)])))
    assert read["blocking"] == ""


def test_a_name_with_a_comma_is_quoted() -> None:
    (read,) = csv.DictReader(StringIO(runs_as_csv([replace(rows()[0], metric='mine, "best"')])))
    assert read["metric"] == 'mine, "best"'


def test_the_summary_has_the_ends_of_the_intervals() -> None:
    summaries = summarised(plan(), rows())
    read = list(csv.DictReader(StringIO(summary_as_csv(summaries))))
    first = read[0]
    assert (first["metric"], first["load"], first["measure"], first["runs"]) == ("hops", "0.1", "blocking", "3")
    assert float(first["high"]) - float(first["mean"]) == pytest.approx(0.657241, rel=1e-5)
    assert float(first["low"]) + float(first["high"]) == pytest.approx(2 * float(first["mean"]))
    (one,) = [each for each in csv.DictReader(StringIO(summary_as_csv(summaries[:1]))) if each["measure"] == "blocking"]
    assert one == first


def test_of_one_run_there_is_no_interval() -> None:
    read = next(csv.DictReader(StringIO(summary_as_csv(summarised(plan(), rows()[:1])))))
    assert (read["low"], read["high"]) == ("", "")


def test_parquet_says_the_same(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    given = [*rows(), row("hops", 0.1, 4, None)]
    write_parquet(tmp_path / "runs.parquet", given)
    read = parquet.read_table(tmp_path / "runs.parquet")
    assert tuple(read.column_names) == COLUMNS
    assert read.to_pylist() == [{name: getattr(each, name) for name in COLUMNS} for each in given]
    assert str(read.schema.field("sessions").type) == "int64"
    assert str(read.schema.field("blocking").type) == "double"


def test_all_files_are_written_and_equal_sweeps_give_equal_bytes(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    summaries = summarised(plan(), rows())
    for folder in (tmp_path / "one", tmp_path / "other/deep"):
        prepare(folder, "hops", parquet=True)
        assert list(folder.iterdir()) == []
        write_sweep(folder, plan(), rows(), summaries, "hops", parquet=True)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["hops.svg", "plan.json", "runs.csv", "runs.parquet", "summary.csv"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other/deep" / name).read_bytes()


def test_the_plan_says_what_is_needed_to_repeat_it(tmp_path: Path) -> None:
    write_sweep(tmp_path, plan(), rows(), summarised(plan(), rows()), "blocking")
    told = json.loads((tmp_path / "plan.json").read_bytes())
    assert told["seeds"] == [1, 2, 3]
    assert told["rate"] == plan().traffic.rate
    assert told["erlang_at_load_1"] == plan().traffic.full
    assert told.keys() == plan_facts(plan()).keys()
    assert "sessions at once of" in show_traffic(plan())


# --- where nothing can be written -----------------------------------------------------------------------------------


def a_file(path: Path) -> Path:
    path.write_text("mine", encoding="utf-8")
    return path


def below_a_file(path: Path) -> Path:
    return a_file(path) / "deeper"


@pytest.mark.parametrize("make", [a_file, below_a_file])
def test_a_file_is_no_folder_and_is_left_alone(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(Mistake, match="out' is a file, and the results are several: name a folder"):
        prepare(make(tmp_path / "out"), "blocking", parquet=False)
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_a_folder_in_the_place_of_a_result_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").mkdir()
    with pytest.raises(Mistake, match=r"runs\.csv' is a folder, and a file of that name"):
        prepare(tmp_path, "blocking", parquet=False)


def test_what_cannot_be_written_is_told_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(Refusal, match=r"cannot write '.*plan\.json': permission denied"):
        prepare(tmp_path, "blocking", parquet=False)


def test_results_that_are_there_already_are_not_lost_before_new_ones_are(tmp_path: Path) -> None:
    earlier = a_file(tmp_path / "runs.csv")
    prepare(tmp_path, "blocking", parquet=False)
    assert earlier.read_text(encoding="utf-8") == "mine"


def test_without_pyarrow_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr("keytwin.report.sweep_files.find_spec", lambda _: None)
    with pytest.raises(Mistake, match=r"pip install 'keytwin\[tables\]', or leave --parquet out"):
        prepare(tmp_path / "never", "blocking", parquet=True)
    assert not (tmp_path / "never").exists()
    prepare(tmp_path, "blocking", parquet=False)


def test_an_empty_file_of_somebody_s_own_is_not_taken_away(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").touch()
    prepare(tmp_path, "blocking", parquet=False)
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]
