"""A run through the public API, on the network of paper B."""

from __future__ import annotations

from pathlib import Path

import pytest

import keytwin
from keytwin.report.lanes import Mark
from keytwin.report.run import USUAL_SEED
from keytwin.vocabulary.identity import AppId, NodeId
from tests.marks import clause


@pytest.fixture(scope="module")
def experiment() -> keytwin.Run:
    return keytwin.run("star6/fig4", seed=7)


@clause("paper B, IEEE Network 2025", "Fig. 4")
def test_the_experiment_ends_as_in_the_paper(experiment: keytwin.Run) -> None:
    assert experiment.is_as_expected, experiment.evidence.failures
    assert (experiment.evidence.equal, experiment.evidence.pairs) == (3, 3)
    relayed = experiment.lanes().row(NodeId("km0"), AppId("app23"))
    assert [mark.mark for mark in relayed] == [Mark.CONFIGURED, Mark.RELAYED]


def test_equal_seeds_give_equal_events(experiment: keytwin.Run) -> None:
    assert keytwin.run("star6/fig4", seed=7).events == experiment.events
    assert keytwin.run("star6/fig4", seed=8).events != experiment.events


def test_events_come_as_columns(experiment: keytwin.Run) -> None:
    table = experiment.table()
    assert {len(column) for column in table.values()} == {len(experiment.events)}
    assert table["at"] == sorted(each.at for each in experiment.events)


def test_the_figure_is_written(experiment: keytwin.Run, tmp_path: Path) -> None:
    experiment.save_figure(tmp_path / "lanes.svg")
    assert (tmp_path / "lanes.svg").read_bytes().startswith(b"<?xml")


def test_what_was_loaded_runs_as_well_as_a_name(experiment: keytwin.Run) -> None:
    loaded = keytwin.load("star6/fig4")
    assert isinstance(loaded, keytwin.Scenario)
    assert keytwin.run(loaded, seed=7).evidence == experiment.evidence


def test_without_a_seed_a_run_repeats_itself() -> None:
    assert keytwin.run("ring5").evidence.seed == USUAL_SEED


def test_a_metric_that_comes_alone_is_chosen() -> None:
    seen: list[keytwin.LinkView] = []

    def metric(link: keytwin.LinkView) -> float:
        seen.append(link)
        return 1.0

    run = keytwin.run("star6/fig4", metrics={"mine": metric})
    assert run.is_as_expected
    assert {view.link for view in seen} >= {link.id for link in run.scenario.blueprint.topology.links}


def test_an_algorithm_that_comes_alone_is_chosen() -> None:
    asked: list[keytwin.PoolLevel] = []

    def frugal(level: keytwin.PoolLevel) -> int:
        asked.append(level)
        return max(0, level.waiting - level.ready - level.coming)

    assert keytwin.run("star6/fig4", algorithms={"frugal": frugal}).is_as_expected
    assert asked


def test_a_device_does_not_run() -> None:
    with pytest.raises(keytwin.Mistake, match="describes a device"):
        keytwin.run("generic-decoy-bb84")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(keytwin.Mistake, match="did you mean 'star6/fig4'"):
        keytwin.load("star6/fig5")


@pytest.mark.parametrize("seed", [1.5, -1, 2**63, "7"])
def test_a_seed_is_a_whole_number(seed: int) -> None:
    with pytest.raises(keytwin.Mistake, match="a seed is a whole number"):
        keytwin.run("star6/fig4", seed=seed)


def test_plug_ins_come_by_name() -> None:
    with pytest.raises(keytwin.Mistake, match="metrics= takes functions by name"):
        keytwin.run("star6/fig4", metrics=len)  # type: ignore[arg-type]  # what a newcomer tries
    with pytest.raises(keytwin.Mistake, match="3 is no function"):
        keytwin.run("star6/fig4", algorithms={"mine": 3})  # type: ignore[dict-item]  # as above


def test_a_figure_is_written_under_the_name_of_an_svg_file(experiment: keytwin.Run, tmp_path: Path) -> None:
    with pytest.raises(keytwin.Mistake, match=r"ends in \.svg"):
        experiment.save_figure(tmp_path / "lanes.png")
    assert not list(tmp_path.iterdir())
