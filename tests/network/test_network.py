"""Blueprint to machines: which elements there are, and what is refused before anything runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import pytest

from keytwin.control.metrics import LinkView
from keytwin.files.network import read_network
from keytwin.keymanagement.algorithms import KeyManagementAlgorithm, PoolLevel
from keytwin.network import Plugins, elements, latency_of, model_of, simulate
from keytwin.runtime.simulation import Simulation
from keytwin.vocabulary.blueprint import Blueprint, ControlSettings, KeyManagementSettings, RoutingSettings
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.topology import Topology
from keytwin.vocabulary.units import Decibels, Instant, microseconds, seconds


@pytest.fixture(scope="module")
def star6() -> Blueprint:
    return read_network("star6")


def test_every_element_of_the_model_is_a_machine(star6: Blueprint) -> None:
    simulation = Simulation(1, latency_of(star6))
    names = set(elements(star6, simulation, Plugins()))
    assert {"access", "admission", "routing", "monitoring", "controller"} < names
    assert {f"km/km{index}" for index in range(6)} < names
    assert {f"link/{link.id}" for link in star6.topology.links} < names
    assert {"sae/app23-a", "sae/app23-b"} < names
    assert len(names) == 5 + 6 + 6 + 6


def test_light_takes_its_time_between_neighbours(star6: Blueprint) -> None:
    latency = latency_of(star6)
    km0, km2, km3 = (ElementName(f"km/{name}") for name in ("km0", "km2", "km3"))
    assert latency(km0, km2) == microseconds(100) + 20 * 5_000
    assert latency(km2, km3) == latency(km0, ElementName("admission")) == microseconds(300)
    assert latency(ElementName("sae/x"), km0) == microseconds(20)


@pytest.mark.parametrize(
    ("control", "keys", "said"),
    [
        (RoutingSettings("shortest"), KeyManagementSettings(), "routing metric 'shortest' is not known: choose one of"),
        (RoutingSettings(), KeyManagementSettings("magic"), "key-management algorithm 'magic' is not known"),
    ],
)
def test_unknown_names_are_refused(
    star6: Blueprint, control: RoutingSettings, keys: KeyManagementSettings, said: str
) -> None:
    blueprint = msgspec.structs.replace(star6, control=ControlSettings(control), key_management=keys)
    with pytest.raises(Mistake, match=said):
        simulate(blueprint, 1)


def test_a_link_that_gives_no_key_is_refused_with_the_reason(star6: Blueprint) -> None:
    dark = msgspec.structs.replace(star6.topology.links[0], total_loss=Decibels(60.0))
    topology = Topology(star6.topology.nodes, (dark, *star6.topology.links[1:]))
    with pytest.raises(Mistake, match=r"link km0--km1: .*60"):
        simulate(msgspec.structs.replace(star6, topology=topology), 1)


def test_a_plugin_of_the_caller_comes_first(star6: Blueprint) -> None:
    asked: list[str] = []

    def nosy(link: object) -> float:
        asked.append(str(link))
        return 1.0

    settings = RoutingSettings("nosy")
    blueprint = msgspec.structs.replace(star6, control=ControlSettings(settings))
    simulate(blueprint, 1, Plugins(metrics={"nosy": nosy}))
    with pytest.raises(Mistake, match="choose one of hops, key-aware"):
        simulate(blueprint, 1)


def test_the_registered_rate_carries_the_service_levels(star6: Blueprint) -> None:
    rate = model_of(star6, star6.topology.links[0]).rate().secret
    assert rate > 2 * sum(star6.sla_of(app).rate for app in star6.apps)


# --- plug-ins that are wrong ----------------------------------------------------------------------------------------


def with_plugin(blueprint: Blueprint, *, metric: str = "hops", algorithm: str = "pool") -> Blueprint:
    control, keys = ControlSettings(RoutingSettings(metric)), KeyManagementSettings(algorithm)
    return msgspec.structs.replace(blueprint, control=control, key_management=keys)


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str, names: str) -> None:
    """Put a package with entry points on the path, as an installer would."""
    (folder / "odd_plugin.py").write_text(code)
    about = folder / "odd_plugin-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-plugin\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[keytwin.routing_metrics]\n{names}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "odd_plugin", raising=False)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("", "AttributeError: module 'odd_plugin' has no attribute 'weigh'"),
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_an_entry_point_that_cannot_be_loaded_is_named_with_its_package(
    star6: Blueprint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, why: str
) -> None:
    installed(monkeypatch, tmp_path, code, "odd = odd_plugin:weigh")
    said = (
        "routing metric 'odd' cannot be loaded: odd-plugin registers 'odd_plugin:weigh' for it under "
        f"keytwin.routing_metrics, which fails with {why}"
    )
    with pytest.raises(Mistake, match=re.escape(said)):
        simulate(with_plugin(star6, metric="odd"), 1)


def test_an_entry_point_that_can_be_loaded_is_used(
    star6: Blueprint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, tmp_path, "def weigh(link): raise OSError('no map')", "odd = odd_plugin:weigh")
    with pytest.raises(Mistake, match=r"routing metric weigh raises OSError: no map for LinkView"):
        simulate(with_plugin(star6, metric="odd"), 1)


def test_a_metric_of_the_caller_that_fails_is_a_mistake_before_anything_runs(star6: Blueprint) -> None:
    plugins = Plugins(metrics={"x": lambda _: 1 / 0})
    with pytest.raises(Mistake, match="raises ZeroDivisionError: division by zero"):
        simulate(with_plugin(star6, metric="x"), 1, plugins)


@pytest.mark.parametrize("error", [KeyError("odd"), OSError("odd"), RuntimeError("odd"), RecursionError("odd")])
def test_a_metric_that_fails_on_a_link_later_costs_that_link_and_the_operator_is_told_why(
    star6: Blueprint, error: Exception
) -> None:
    def late(link: LinkView) -> float:
        if link.link == "km0--km3":
            raise error
        return 1.0

    plugins = Plugins(metrics={"late": late})
    simulation = simulate(with_plugin(star6, metric="late"), 1, plugins)
    told: list[ViolationSeen] = []
    simulation.subscribe(lambda *seen: told.extend(each for each in seen if isinstance(each, ViolationSeen)))
    simulation.start()
    simulation.run(Instant(seconds(20)))
    said = f"km0--km3 is left out, because the metric raises {type(error).__name__}: {error}"
    assert [event.about for event in told] == [said]


def wrong(algorithm: Callable[[PoolLevel], object]) -> KeyManagementAlgorithm:
    """Return what a plug-in's author without a type checker hands over."""
    return cast("KeyManagementAlgorithm", algorithm)


@pytest.mark.parametrize("answer", [1.5, -1, None, "3"])
def test_an_algorithm_that_gives_no_number_of_keys_is_a_mistake_before_anything_runs(
    star6: Blueprint, answer: object
) -> None:
    plugins = Plugins(algorithms={"odd": wrong(lambda _: answer)})
    said = f"key-management algorithm 'odd', a plug-in, gives {answer!r} for PoolLevel"
    with pytest.raises(Mistake, match=re.escape(said)):
        simulate(with_plugin(star6, algorithm="odd"), 1, plugins)


def test_an_algorithm_that_raises_is_a_mistake_with_the_reason(star6: Blueprint) -> None:
    plugins = Plugins(algorithms={"odd": wrong(lambda level: level.tomorrow)})  # type: ignore[attr-defined]  # not there
    with pytest.raises(Mistake, match=r"'odd', a plug-in, raises AttributeError: .*tomorrow"):
        simulate(with_plugin(star6, algorithm="odd"), 1, plugins)


def test_an_algorithm_that_goes_wrong_later_is_still_named(star6: Blueprint) -> None:
    plugins = Plugins(algorithms={"odd": wrong(lambda level: 0.5 if level.ready == 7 else 0)})
    blueprint = with_plugin(star6, algorithm="odd")
    made = elements(blueprint, Simulation(1, latency_of(blueprint)), plugins)[ElementName("km/km0")]
    assert isinstance(made, partial)
    (algorithm,) = made.args[0].algorithms.values()
    assert algorithm(PoolLevel(6, 0, 0, 8, 8)) == 0
    with pytest.raises(Mistake, match=r"'odd', a plug-in, gives 0.5"):
        algorithm(PoolLevel(7, 0, 0, 8, 8))


@pytest.mark.parametrize("kind", ["metrics", "algorithms", "protocols"])
def test_plugins_are_given_by_name(kind: str) -> None:
    with pytest.raises(Mistake, match=f"{kind} are given by name"):
        Plugins(**{kind: len})  # type: ignore[arg-type]  # the mistake that is meant
