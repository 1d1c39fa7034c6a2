"""Scenario files: a network, what is laid over it, a timeline and expectations."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.files.library import Source, path_source, scenarios
from keytwin.files.network import read_network
from keytwin.files.scenario import check_scenario, read_scenario
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import XOR_POINT, AppId, ElementName, LinkId, NodeId
from keytwin.vocabulary.timeline import (
    Action,
    AskKeys,
    AttackLink,
    CloseApp,
    CutLink,
    DistrustNode,
    Expectations,
    HealLink,
    MessageFaults,
    OpenApp,
    RestartElement,
    Step,
    StopElement,
)
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.files.reading import scenario, scenario_mistakes, short
from tests.marks import clause

HEAD = "format: 1\nname: test\nnetwork: star6\nduration: 60 s\n"

ACTIONS = "known: open, ask, close, cut, attack, heal, distrust, stop, restart, fault"


def step(line: str) -> Step:
    """Read a scenario of one step."""
    (read,) = scenario(f"{HEAD}timeline:\n  - {line}\n").value.steps
    return read


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("{at: 1 s, open: app01}", OpenApp(AppId("app01"))),
        ("{at: 1 s, close: app01}", CloseApp(AppId("app01"))),
        ("{at: 1 s, ask: {app: app01}}", AskKeys(AppId("app01"))),
        (
            "{at: 1 s, ask: {app: app01, number: 2, size: 128 bit, times: 3, every: 5 ms, masters: both}}",
            AskKeys(AppId("app01"), 2, Bits(128), 3, milliseconds(5), "both"),
        ),
        ("{at: 1 s, cut: km4--km0}", CutLink(LinkId("km0--km4"))),
        ("{at: 1 s, attack: {link: km4--km0, error_rate: 20 %}}", AttackLink(LinkId("km0--km4"), 0.2)),
        ("{at: 1 s, heal: km0 -- km4}", HealLink(LinkId("km0--km4"))),
        ("{at: 1 s, distrust: km0}", DistrustNode(NodeId("km0"))),
        ("{at: 1 s, stop: km/km0}", StopElement(ElementName("km/km0"))),
        ("{at: 1 s, stop: link/km4 -- km0}", StopElement(ElementName("link/km0--km4"))),
        ("{at: 1 s, restart: admission}", RestartElement(ElementName("admission"))),
        (
            "{at: 1 s, fault: {drop: 1 %, duplicate: 0.5, delay: 20 ms, lasting: 5 s}}",
            MessageFaults(0.01, 0.5, milliseconds(20), seconds(5)),
        ),
    ],
)
def test_a_step_is_a_time_and_an_action(line: str, action: Action) -> None:
    assert step(line) == Step(Instant(seconds(1)), action)


def test_what_is_left_out_is_the_default() -> None:
    spare = scenario(HEAD + "overrides:\ntimeline:\nexpect:\n").value
    assert (spare.steps, spare.seed, spare.expect) == ((), None, Expectations())
    assert spare.blueprint == read_network("star6")


def test_expectations_and_seed() -> None:
    read = scenario(
        HEAD + "seed: 7\nexpect: {keys_equal: no, keys: 3, answered_last: app23, sessions_end: true}\n"
    ).value
    assert read.seed == 7
    assert read.expect == Expectations(keys_equal=False, keys=3, answered_last=AppId("app23"), sessions_end=True)


def test_overrides_are_laid_over_the_network() -> None:
    read = scenario(
        HEAD
        + """overrides:
  defaults: {link: {device: slow-start-decoy-bb84}}
  slas: {gold: {rate: 32 kbit/s}}
  apps: {app04: {user: bob, saes: {app04-a: km0, app04-b: km4}}}
  control: {routing: {k_paths: 1}}
timeline:
  - {at: 0 s, open: app04}
"""
    ).value.blueprint
    plain = read_network("star6")
    assert {link.device for link in read.topology.links} == {"slow-start-decoy-bb84"}
    assert {link.length for link in read.topology.links} == {20.0}
    assert (read.slas[0].rate, read.slas[0].burst) == (32_000, plain.slas[0].burst)
    assert [app.id for app in read.apps] == ["app01", "app23", "app45", "app04"]
    assert (read.control.routing.k_paths, read.control.routing.metric) == (1, "hops")


def test_all_mistakes_of_a_scenario_are_told_at_once() -> None:
    told = scenario_mistakes("""\
format: 1
name: test
network: star6
overrides: {defaults: {link: {device: slow-start-decoy}}, links: [], control: {rooting: {}}}
duration: 60
timeline:
  - {at: 0 s, open: app10}
  - {at: 0 s, opn: app01}
  - {open: app01}
  - {at: 5 s}
  - {at: 5, cut: km4--km0, heal: km4--km0}
  - {at: 5 s, cut: km4 -- km9}
  - {at: 5 s, stop: km/km9}
  - {at: 5 s, stop: link/km4}
  - {at: 5 s, ask: {ap: app01, number: 0}}
  - {at: 5 s, fault: {drop: 2}}
  - [5 s, cut]
expect: {keys_equal: maybe, answered_last: app3, session_end: yes}
""")
    assert told == [
        "4:39: unknown device 'slow-start-decoy' (did you mean 'slow-start-decoy-bb84'?)",
        (
            "4:59: 'links' cannot be overridden by a scenario "
            "(known: 'defaults', 'slas', 'users', 'apps', 'control', 'twin')"
        ),
        "4:80: unknown key 'rooting' in the control settings (did you mean 'routing'?)",
        "5:11: '60' has no unit: a time needs one of ns, us, ms, s, min, h, d, such as '60 s'",
        "7:21: unknown app 'app10' (did you mean 'app01'?)",
        "8:15: unknown action 'opn' (did you mean 'open'?)",
        "9:5: 'at' is missing in a step (when the action is done, such as 'at: 5 s')",
        f"10:5: a step has exactly one action ({ACTIONS})",
        f"11:5: a step has exactly one action ({ACTIONS})",
        "11:10: '5' has no unit: a time needs one of ns, us, ms, s, min, h, d, such as '5 s'",
        "12:20: unknown link 'km4--km9' (did you mean 'km4--km5'?)",
        "13:21: unknown element 'km/km9' (did you mean 'km/km5'?)",
        "14:21: 'km4' is not a link: write 'a -- b', or 'a -- b/name' for one of several parallel links",
        "15:21: unknown key 'ap' in a request for keys (did you mean 'app'?)",
        "15:40: 0 is out of range: write a whole number from 1 to 1000",
        "16:29: '2' is more than the whole: write a share from 0 to 1, such as '2 %'",
        "17:5: timeline[10] is a list, where a mapping with 'at' and one action is wanted",
        "18:22: unknown answer 'maybe' (known: 'true', 'false', 'yes', 'no')",
        "18:44: unknown app 'app3' (did you mean 'app23'?)",
        "18:50: unknown key 'session_end' in the expectations (did you mean 'sessions_end'?)",
    ]


@pytest.mark.parametrize("action", ["stop", "restart"])
def test_an_sae_is_no_element_that_could_be_stopped(action: str) -> None:
    line = f"timeline:\n  - {{at: 1 s, {action}: sae/app01-a}}\n"
    (told,) = scenario_mistakes(HEAD + line)
    assert told.startswith(f"6:{17 + len(action)}: sae/app01-a is a customer of the network, not an element of it")
    assert told.endswith("(close its app instead)")


def test_the_central_point_can_be_stopped_where_there_is_one() -> None:
    line = "timeline:\n  - {at: 1 s, stop: xor-point}\n"
    assert any("xor-point" in told for told in scenario_mistakes(HEAD + line))
    central = "overrides: {control: {key_management: {relay: xor-central}}}\n"
    (step,) = scenario(HEAD + central + line).value.steps
    assert step.action == StopElement(XOR_POINT)


@pytest.mark.parametrize("fault", ["{}", "", "{lasting: 5 s}", "{drop: 0, delay: 0 s}"])
def test_a_fault_that_changes_nothing_is_told(fault: str) -> None:
    (told,) = scenario_mistakes(f"{HEAD}timeline:\n  - {{at: 1 s, fault: {fault}}}\n")
    assert told.endswith("this fault changes nothing (give 'drop', 'duplicate' or 'delay')")


def test_a_step_after_the_end_is_told() -> None:
    assert scenario_mistakes(HEAD + "timeline:\n  - {at: 61 s, open: app01}\n") == [
        "6:10: this is after the end of the run, at 1 min"
    ]


def test_an_unknown_network_is_told_with_the_nearest_example() -> None:
    assert scenario_mistakes(HEAD.replace("star6", "star66") + "timeline:\n  - {at: 0 s, open: anything}\n") == [
        ("3:10: unknown network 'star66' (did you mean 'star6'?; a file is given by its path, which ends in .yaml)")
    ]


def test_an_app_that_asks_but_is_never_opened_is_noted() -> None:
    asking = "timeline:\n  - {at: 2 s, ask: {app: app01}}\n  - {at: 3 s, ask: {app: app01}}\n"
    assert [short(warning) for warning in scenario(HEAD + asking).warnings] == [
        "6:10: app 'app01' asks for keys, but no step opens it (add a step 'open')"
    ]


def test_a_network_is_found_by_its_path_from_the_scenario(tmp_path: Path) -> None:
    folder = tmp_path / "nets"
    folder.mkdir()
    (folder / "own.yaml").write_text("format: 1\nname: own\nnodes: {a: , b: }\nlinks: [a -- c]\n", encoding="utf-8")
    (tmp_path / "run.yaml").write_text(HEAD.replace("star6", "nets/own.yaml") + "tmeline: []\n", encoding="utf-8")
    with pytest.raises(FileMistake) as raised:
        check_scenario(path_source(tmp_path / "run.yaml", "run.yaml"))
    assert [str(each).replace(f"{tmp_path}/", "") for each in raised.value.findings] == [
        "nets/own.yaml:4:14: unknown node 'c' (known: 'a', 'b'; named in run.yaml:3:10)",
        "run.yaml:5:1: unknown key 'tmeline' in a scenario (did you mean 'timeline'?)",
    ]


def test_a_network_that_is_no_yaml_leaves_the_scenario_checked(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("a: [", encoding="utf-8")
    octets = (HEAD.replace("star6", "own.yaml") + "timeline:\n  - {at: 0, open: anything}\n").encode()
    with pytest.raises(FileMistake) as raised:
        check_scenario(Source("run.yaml", octets, tmp_path))
    assert [(finding.line, finding.column) for finding in raised.value.findings] == [(1, 5), (6, 10)]


@clause("paper B, IEEE Network 2025", "Fig. 4")
def test_fig4_is_the_experiment_of_paper_b() -> None:
    fig4 = read_scenario("star6/fig4")
    assert fig4.blueprint.name == "star6"
    assert {link.device for link in fig4.blueprint.topology.links} == {"slow-start-decoy-bb84"}
    asked = [line for line in fig4.steps if isinstance(line.action, AskKeys)]
    assert [(line.at, line.action) for line in asked] == [
        (0, AskKeys(AppId(app))) for app in ("app01", "app23", "app45")
    ]
    assert fig4.expect == Expectations(keys=3, answered_last=AppId("app23"), sessions_end=True)
    assert fig4.duration == Duration(seconds(90))


@pytest.mark.parametrize("name", scenarios())
def test_the_examples_can_be_read_without_a_doubt(name: str) -> None:
    read = read_scenario(name)
    assert name == f"{name.partition('/')[0]}/{read.name}"
    assert read.about
