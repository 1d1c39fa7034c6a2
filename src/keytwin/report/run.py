"""A run as a value to look at: evidence, events, table, lanes, figure."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, SupportsIndex, TypeVar

import msgspec

from keytwin.control.routing import RoutingMetric
from keytwin.files.scenario_file import LARGEST_SEED
from keytwin.keymanagement.algorithms import KeyManagementAlgorithm
from keytwin.network import Plugins
from keytwin.report.lanes import Lanes, lanes_of
from keytwin.report.outputs import check_figure
from keytwin.runtime.trace import Happening, events_table
from keytwin.scenario.load import load
from keytwin.scenario.run import run_scenario
from keytwin.scenario.timeline import bare
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.evidence import Evidence
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import Scenario
from keytwin.vocabulary.units import Instant

USUAL_SEED: Final = 1

P = TypeVar("P", RoutingMetric, KeyManagementAlgorithm)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run, with every event in the order of time."""

    scenario: Scenario
    evidence: Evidence
    events: tuple[Happening, ...]

    @property
    def is_as_expected(self) -> bool:
        """Whether every expectation was met and every account closes."""
        return not self.evidence.failures

    def table(self) -> dict[str, list[object]]:
        """Return the events as columns of equal length: at, element, type, and each field that any event has."""
        return events_table(self.events)

    def lanes(self) -> Lanes:
        """Return the events at the key managers, session by session (paper B, Fig. 4)."""
        order = [node.id for node in self.scenario.blueprint.topology.nodes]
        return lanes_of(((each.at, each.element, each.event) for each in self.events), order)

    def save_figure(self, path: str | Path) -> None:
        """Write the lanes as an SVG file, whose name ends in .svg; equal runs give equal files."""
        from keytwin.report.lanes_svg import lanes_as_svg  # noqa: PLC0415  # matplotlib takes half a second to import

        check_figure(Path(path))
        Path(path).write_bytes(lanes_as_svg(self.lanes(), self.scenario.name))


def run(
    network: str | Path | Blueprint | Scenario,
    *,
    seed: int | None = None,
    metrics: Mapping[str, RoutingMetric] | None = None,
    algorithms: Mapping[str, KeyManagementAlgorithm] | None = None,
) -> Run:
    """Run a network or a scenario in virtual time: by name of an example, by path, or as loaded.

    A network without a timeline lets every app ask for a minute at its granted rate. `seed` None: the scenario's own,
    or else 1. What `metrics` and `algorithms` name can be chosen by a file; one that comes alone is chosen anyway.
    """
    plugins = Plugins(metrics=_by_name("metrics", metrics), algorithms=_by_name("algorithms", algorithms))
    given = None if seed is None else _seed(seed)
    loaded = load(network, plugins) if isinstance(network, str | Path) else network
    scenario = loaded if isinstance(loaded, Scenario) else bare(loaded)
    # The plug-ins are part of what ran, so the scenario in the result names them.
    scenario = msgspec.structs.replace(scenario, blueprint=_chosen(scenario.blueprint, plugins))
    events: list[Happening] = []

    def see(at: Instant, element: ElementName, event: Event) -> None:
        events.append(Happening(at, element, event))

    wanted = next((each for each in (given, scenario.seed) if each is not None), USUAL_SEED)
    evidence = run_scenario(scenario, wanted, [see], plugins)
    return Run(scenario, evidence, tuple(events))


def _seed(given: object) -> int:
    """Return the seed that a caller without a type checker gave; numpy's integers are welcome."""
    number = operator.index(given) if isinstance(given, SupportsIndex) else -1
    if not 0 <= number <= LARGEST_SEED:
        raise Mistake(f"seed={given!r}: a seed is a whole number from 0 to {LARGEST_SEED}")
    return number


def _by_name(argument: str, given: Mapping[str, P] | None) -> Mapping[str, P]:
    """Return plug-ins by name; Mistake when somebody handed over a function, or a name without one."""
    functions = {} if given is None else given
    if not isinstance(functions, Mapping):
        raise Mistake(f"{argument}= takes functions by name, such as {{'mine': function}}, not {functions!r}")
    for name, function in functions.items():
        if not callable(function):
            raise Mistake(f"{argument}={{{name!r}: ...}}: {function!r} is no function")
    return functions


def _chosen(blueprint: Blueprint, plugins: Plugins) -> Blueprint:
    """Let a metric or an algorithm that was handed over alone take the place of the network's own choice."""
    routing, keys = blueprint.control.routing, blueprint.key_management
    if len(plugins.metrics) == 1:
        routing = msgspec.structs.replace(routing, metric=next(iter(plugins.metrics)))
    if len(plugins.algorithms) == 1:
        keys = msgspec.structs.replace(keys, algorithm=next(iter(plugins.algorithms)))
    control = msgspec.structs.replace(blueprint.control, routing=routing)
    return msgspec.structs.replace(blueprint, control=control, key_management=keys)
