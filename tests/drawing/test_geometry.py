"""No drawing has things upon one another, wires through nodes, ports off borders or text outside: on any model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keytwin.design.model import Action, ActionKind, Flow, Model
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.views import View, ViewKind
from keytwin.drawing.geometry import Box, Point, Side
from keytwin.drawing.ovm import ovm_scene
from keytwin.drawing.scene import Figure, Label, Node, Scene, Socket, Text, Wire
from keytwin.drawing.schematic import schematic_scene
from keytwin.drawing.sheet import sheet
from keytwin.drawing.svg import scene_of
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.identity import VariantId
from tests.drawing import random_models
from tests.drawing.geometry import faults
from tests.drawing.random_models import E
from tests.drawing.samples import SAMPLES

Sample = Callable[[], tuple[Model, View]]
CHOSEN = tuple(
    VariantId(each)
    for each in (
        "free-space.single",
        "medium.satellite",
        "medium.terrestrial",
        "protocol.bb84",
        "q-link.repeater",
        "terrestrial.fibre",
    )
)
PAPER = Configuration("paper-a", CHOSEN)
RANDOM = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: each.__name__)
def test_no_sample_has_a_fault(sample: Sample) -> None:
    assert faults(scene_of(*sample())) == []


@pytest.mark.parametrize("kind", random_models.KINDS)
@RANDOM
@given(data=st.data())
def test_no_random_model_has_a_fault(kind: str, data: st.DataObject) -> None:
    assert faults(scene_of(*data.draw(random_models.KINDS[kind]()))) == []


@pytest.mark.parametrize("configuration", [None, PAPER])
@pytest.mark.parametrize("name", ["paper-a", "qkd", "coffee"])
def test_no_ovm_of_the_library_has_a_fault(name: str, configuration: Configuration | None) -> None:
    assert faults(ovm_scene(library_ovm(name), configuration)) == []
    assert faults(schematic_scene(library_ovm(name), configuration)) == []


@RANDOM
@given(random_models.ovms(), st.data())
def test_no_random_ovm_has_a_fault(ovm: Ovm, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(sorted(ovm.variants)), unique=True).map(sorted))
    for configuration in (None, Configuration(ovm.name, tuple(chosen))):
        assert faults(ovm_scene(ovm, configuration)) == []
        assert faults(schematic_scene(ovm, configuration)) == []


def test_a_sheet_of_all_has_no_fault() -> None:
    assert faults(sheet([scene_of(*sample()) for sample in SAMPLES], "All kinds")) == []


# --- the faults are found -------------------------------------------------------------------------------------------


def node(name: str, x: float, y: float, width: float = 40, within: str = "") -> Node:
    return Node(id=name, figure=Figure.BOX, box=Box(x, y, width, 40), title=name, within=within)


def wire(name: str, *points: tuple[float, float], bundle: str = "") -> Wire:
    return Wire(
        id=name, points=tuple(Point(*each) for each in points), source="a", target="b", title=name, bundle=bundle
    )


GOOD = Scene(
    id="s",
    title="t",
    about="",
    width=400,
    height=400,
    nodes=(node("a", 10, 10), node("b", 200, 10)),
    wires=(wire("w", (50, 30), (200, 30)),),
    labels=(Label(wire="w", lines=(Text("hi", Point(100, 22)),), box=Box(99, 12, 14, 14)),),
    sockets=(Socket(id="p", owner="a", side=Side.RIGHT, box=Box(44, 24, 12, 12), title="p"),),
)


def test_the_good_scene_is_good() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"nodes": (*GOOD.nodes, node("c", 40, 20))}, "lies upon node", id="nodes"),
        pytest.param({"nodes": (*GOOD.nodes, node("c", 240, 200, 60, "b"))}, "sticks out of b", id="nested"),
        pytest.param({"nodes": (*GOOD.nodes, node("c", 90, 10))}, "runs through node c", id="through"),
        pytest.param({"nodes": (*GOOD.nodes, node("c", 90, 0))}, "lies upon node c", id="label"),
        pytest.param({"nodes": (*GOOD.nodes, node("c", 380, 380))}, "sticks out of the page", id="page"),
        pytest.param({"wires": (*GOOD.wires, wire("v", (50, 30), (200, 30)))}, "share a stretch", id="merging"),
        pytest.param({"wires": (wire("w", (60, 60), (200, 30)),)}, "does not end at a", id="loose"),
        pytest.param(
            {"wires": (*GOOD.wires, wire("v", (50, 20), (105, 20), (105, 5), (200, 20)))},
            "lies upon wire v",
            id="crossed",
        ),
        pytest.param({"sockets": (replace(GOOD.sockets[0], box=Box(60, 24, 12, 12)),)}, "off its border", id="socket"),
        pytest.param(
            {"sockets": (replace(GOOD.sockets[0], box=Box(44, 44, 12, 12)),)}, "reaches over a corner", id="corner"
        ),
        pytest.param(
            {"nodes": (replace(GOOD.nodes[0], texts=(Text("a long text", Point(12, 30)),)), GOOD.nodes[1])},
            "sticks out of node a",
            id="text",
        ),
        pytest.param(
            {"labels": (*GOOD.labels, replace(GOOD.labels[0], box=Box(105, 12, 14, 14)))},
            "lies upon label",
            id="labels",
        ),
    ],
)
def test_a_planted_fault_is_found(change: dict[str, tuple[Node, ...]], words: str) -> None:
    assert any(words in fault for fault in faults(replace(GOOD, **change)))  # type: ignore[arg-type]  # any field


def test_wires_of_a_bundle_may_share_a_trunk() -> None:
    pair = (wire("v", (50, 30), (200, 30), bundle="x"), wire("w", (50, 30), (200, 30), bundle="x"))
    assert faults(replace(GOOD, wires=pair, labels=())) == []


def test_a_bar_with_a_flow_to_itself_has_its_ends_on_the_bar() -> None:
    bar = Action(id=E("a0"), name="bar", activity=E("x"), kind=ActionKind.FORK)
    loop = Flow(id=E("f0-0"), name="flow", activity=E("x"), source=E("a0"), target=E("a0"))
    assert faults(scene_of(*random_models.view(ViewKind.ACTIVITY, [bar, loop]))) == []
