"""What a run may write, and what it must not overwrite."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.report.outputs import check_figure, check_outputs, check_page
from keytwin.vocabulary.errors import Mistake, Refusal


@pytest.mark.parametrize("name", ["a.png", "a.pdf", "a", "a.svg.gz", "network.yaml", "run.jsonl", ".svg"])
def test_a_figure_has_the_name_of_an_svg_file(name: str) -> None:
    with pytest.raises(Mistake, match=r"ends in \.svg"):
        check_figure(Path(name))


def test_a_figure_and_a_trace_of_other_names_may_be_written(tmp_path: Path) -> None:
    check_outputs("star6", tmp_path / "run.jsonl", tmp_path / "lanes.SVG")
    check_outputs("star6", None, None)


@pytest.mark.parametrize("name", ["mine.yaml", "mine.YML"])
def test_a_trace_never_takes_the_name_of_a_file_of_the_user(name: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="no YAML file"):
        check_outputs("star6", tmp_path / name, None)


def test_what_is_run_is_not_overwritten_whatever_it_is_called(tmp_path: Path) -> None:
    network = tmp_path / "network"
    network.write_text("format: 1\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(network)
    for trace in (network, tmp_path / "link", tmp_path / "." / "network"):
        with pytest.raises(Mistake, match="is to be run"):
            check_outputs(network, trace, None)


def test_trace_and_figure_are_two_files(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="two names"):
        check_outputs("star6", tmp_path / "a.svg", tmp_path / "a.svg")


def test_says_why_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(Refusal, match="it is a folder"):
        check_outputs("star6", None, tmp_path / "a.svg")
    with pytest.raises(Refusal, match="there is no folder"):
        check_outputs("star6", tmp_path / "nowhere/run.jsonl", None)


@pytest.mark.parametrize("name", ["a.svg", "verdict.json", "need.yaml", "a", "a.html.gz"])
def test_a_report_has_the_name_of_an_html_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"ends in \.html"):
        check_page(tmp_path / name, tmp_path)


def test_a_report_is_never_written_over_its_trace(tmp_path: Path) -> None:
    trace = tmp_path / "trace.html"
    trace.write_text("{}", encoding="utf-8")
    with pytest.raises(Mistake, match="made of"):
        check_page(trace, trace)


def test_a_report_needs_a_folder_to_be_written_into(tmp_path: Path) -> None:
    check_page(tmp_path / "report.HTM", tmp_path)
    with pytest.raises(Refusal, match="no folder"):
        check_page(tmp_path / "no" / "report.html", tmp_path)
