"""What is written of a verdict: it reads back, it is made again to the digit, and it says why everything is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keytwin.assessment.answer import Answer, encoded, read_answer
from keytwin.assessment.assess import Assessed, Options, assess, usual_costs
from keytwin.assessment.output import files_of, write_files
from keytwin.assessment.record import recorded
from keytwin.assessment.replay import replay
from keytwin.assessment.tracing import Kind, names, traced
from keytwin.files.network import read_network
from keytwin.files.scenario import read_scenario
from keytwin.runtime.trace import TraceWriter, digest
from keytwin.scenario.run import run_scenario
from keytwin.vocabulary.errors import FileMistake, Mistake, Refusal
from tests.assessment.needs import TWO_LINES, case_of, with_

NEED = TWO_LINES.encode()


@pytest.fixture(scope="module")
def assessed() -> Assessed:
    return assess(case_of(TWO_LINES))


@pytest.fixture(scope="module")
def answer(assessed: Assessed) -> Answer:
    return recorded(assessed, NEED, usual_costs())


@pytest.fixture
def folder(assessed: Assessed, answer: Answer, tmp_path: Path) -> Path:
    where = tmp_path / "out"
    write_files(where, files_of(assessed, answer, NEED))
    return where


def test_a_verdict_reads_back_equal(answer: Answer, folder: Path) -> None:
    assert read_answer(folder / "verdict.json") == answer
    assert encoded(answer) == (folder / "verdict.json").read_bytes()


def test_what_is_no_verdict_is_refused_with_its_place(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(Mistake, match="there is no verdict at"):
        read_answer(tmp_path / "verdict.json")
    other = tmp_path / "other.json"
    other.write_text("{}")
    with pytest.raises(FileMistake, match="no verdict of keytwin"):
        read_answer(other)
    newer = json.loads((folder / "verdict.json").read_text()) | {"format": 2}
    other.write_text(json.dumps(newer))
    with pytest.raises(FileMistake, match="in format 2; this version reads"):
        read_answer(other)


def test_the_network_and_its_trials_are_files_that_run_to_the_same_trace(answer: Answer, folder: Path) -> None:
    assert read_network(str(folder / "network.yaml")).name == "two-lines"
    for line in answer.runs:
        scenario = read_scenario(str(folder / "runs" / f"{line.id}.yaml"))
        assert scenario.seed == line.seed
        trace = folder / "trace.jsonl"
        with trace.open("wb") as stream:
            writer = TraceWriter(stream, scenario.name, line.seed)
            run_scenario(scenario, line.seed, [writer])
        assert digest(trace) == line.trace
        assert len(trace.read_bytes().splitlines()) == line.events + 1


def test_evidence_points_at_events_of_its_run(answer: Answer) -> None:
    events = {line.id: line.events for line in answer.runs}
    measured = [line for line in answer.verdicts if line.evidence is not None]
    assert {line.need.id for line in measured} == {"N1", "N2", "N4"}
    for line in measured:
        assert line.evidence is not None
        assert 1 < line.evidence.first < line.evidence.last == events[line.evidence.run]


def test_every_number_comes_out_equal_when_it_is_made_again(folder: Path) -> None:
    done = replay(folder / "verdict.json")
    assert done.differences == ()
    assert done.numbers > 500


def test_a_number_that_was_changed_is_found(folder: Path) -> None:
    path = folder / "verdict.json"
    before = path.read_text()
    path.write_text(before.replace('"shown": "2.01 kbit/s"', '"shown": "9 kbit/s"', 1))
    assert path.read_text() != before
    (found,) = replay(path).differences
    assert found.where.startswith("verdicts[0]")
    assert (found.was, found.is_now) == ("9 kbit/s", "2.01 kbit/s")


def test_a_need_that_was_changed_is_no_longer_the_one_that_was_judged(folder: Path) -> None:
    (folder / "need.yaml").write_text(with_(TWO_LINES, ("2 kbit/s, priority", "3 kbit/s, priority")))
    with pytest.raises(Mistake, match="has been changed since the verdict"):
        replay(folder / "verdict.json")
    (folder / "need.yaml").unlink()
    with pytest.raises(Mistake, match="is missing"):
        replay(folder / "verdict.json")


def test_a_folder_of_somebody_elses_work_is_not_touched(assessed: Assessed, answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(Refusal, match="is no design of keytwin and not empty"):
        write_files(tmp_path, files_of(assessed, answer, NEED))
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


# --- the trace ------------------------------------------------------------------------------------------------------


def test_a_need_leads_to_rules_variants_views_elements_and_its_own_verdict(answer: Answer) -> None:
    (found,) = traced(answer.trace, "N2")
    assert found.kind is Kind.NEED
    assert found.up == {}
    assert found.down[Kind.VERDICT] == ("N2: met",)
    assert found.down[Kind.RUN] == ("cut-1-link",)
    assert "sae/head.to.vault" in found.down[Kind.RUNNING]


def test_a_running_element_leads_back_to_the_variant_that_made_it(answer: Answer) -> None:
    (found,) = traced(answer.trace, "link/head--vault/north")
    assert "protocol.decoy-bb84" in found.up[Kind.VARIANT]
    assert found.up[Kind.BLUEPRINT] == ("head--vault/north",)
    assert "derive-choice" in found.up[Kind.RULE]


def test_every_element_of_the_network_has_a_reason(answer: Answer) -> None:
    for link in answer.channels:
        (found,) = traced(answer.trace, link.id)
        assert found.up[Kind.VARIANT]
        assert found.down[Kind.RUNNING] == (f"link/{link.id}",)


def test_what_nobody_knows_is_not_traced(answer: Answer) -> None:
    assert traced(answer.trace, "nobody") == ()
    assert {"N1", "calm", "protocol.decoy-bb84", "km/head"} <= set(names(answer.trace))


def test_without_a_design_there_is_still_an_answer_to_write(tmp_path: Path) -> None:
    text = with_(TWO_LINES, ("protocol: decoy-bb84", "protocol: twin-field"))
    nothing = assess(case_of(text), Options())
    written = recorded(nothing, text.encode(), usual_costs())
    files = files_of(nothing, written, text.encode())
    assert set(files) == {"need.yaml", "verdict.json"}
    write_files(tmp_path / "out", files)
    assert replay(tmp_path / "out" / "verdict.json").differences == ()
