"""Variability is stated once, in the requirements, and followed to what is done, what does it, and what it is worth."""

from __future__ import annotations

import pytest

from keytwin.design import model as model_module
from keytwin.design.model import (
    Action,
    Activity,
    Allocation,
    Block,
    Element,
    ElementId,
    Equation,
    Model,
    Part,
    Property,
    Requirement,
)
from keytwin.design.propagation import LAYERS, Layer, Propagation, Trace, propagate
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId

RESILIENT, SECRET = ElementId("requirement.resilient"), ElementId("requirement.secret")
SYSTEM, SATELLITE, FIBRE = ElementId("qkd-system"), ElementId("satellite"), ElementId("fibre")
DUAL = VariantId("redundancy.dual-medium")
IN_SPACE, ON_GROUND, BB84 = VariantId("medium.satellite"), VariantId("medium.terrestrial"), VariantId("protocol.bb84")


def system() -> Model:
    """Give a model with something in each layer, of which some varies and some does not."""
    run = ElementId("run")
    return Model.of(
        [
            Block(id=SYSTEM, name="system"),
            Block(id=SATELLITE, name="satellite", because=(IN_SPACE,)),
            Block(id=FIBRE, name="fibre", because=(ON_GROUND,)),
            Part(id=ElementId("system.satellite"), name="sat", owner=SYSTEM, block=SATELLITE, because=(IN_SPACE,)),
            Part(id=ElementId("system.alice"), name="alice", owner=SYSTEM, block=SYSTEM),
            Activity(id=run, name="run", because=(BB84,)),
            Action(id=ElementId("run.point"), name="point", activity=run, because=(IN_SPACE, BB84)),
            Equation(
                id=ElementId("loss"),
                name="loss",
                expression="a*b",
                parameters=(Property("a", "loss"),),
                because=(ON_GROUND,),
            ),
            Allocation(id=ElementId("runs"), name="runs", source=SATELLITE, target="link/<id>", because=(IN_SPACE,)),
            Requirement(id=RESILIENT, name="resilient", text="survives the loss of a channel", subject=SYSTEM),
            Requirement(id=SECRET, name="secret", text="keeps keys secret", subject=SYSTEM, because=(DUAL,)),
        ]
    )


def propagated(requirement: ElementId, *variants: VariantId) -> Propagation:
    (found,) = propagate(library_ovm("qkd"), system(), {requirement: variants})
    return found


def test_a_requirement_reaches_every_layer_by_way_of_what_its_variants_force() -> None:
    found = propagated(RESILIENT, DUAL)
    told = {each.variant: (each.satisfies, each.forced_by) for each in found.consequences}
    assert told[DUAL] == (True, None)
    assert told[IN_SPACE] == told[ON_GROUND] == (False, DUAL)
    assert [each.element for each in found.of(Layer.FUNCTIONAL)] == ["run.point"]
    assert [each.element for each in found.of(Layer.LOGICAL)] == ["system.satellite"]
    assert [each.element for each in found.of(Layer.PHYSICAL)] == ["satellite", "fibre", "runs"]
    assert [each.element for each in found.of(Layer.PARAMETRIC)] == ["loss"]
    assert [each.element for each in found.of(Layer.REQUIREMENT)] == [SECRET]


def test_each_step_is_told_with_its_reason() -> None:
    (forced,) = (each for each in propagated(RESILIENT, DUAL).consequences if each.variant == IN_SPACE)
    assert forced.reasons == ("Dual medium needs Satellite-based: the two channels are on the ground and in the sky",)


def test_what_is_also_asked_for_by_others_is_told_apart() -> None:
    traces = {each.element: each for each in propagated(RESILIENT, DUAL).traces}
    action = traces[ElementId("run.point")]
    assert action == Trace(ElementId("run.point"), Layer.FUNCTIONAL, (IN_SPACE,), is_only_reason=False)
    assert traces[SATELLITE].is_only_reason
    assert ElementId("system.alice") not in traces, "what every configuration has does not vary"
    assert ElementId("run") not in traces


def test_several_requirements_are_followed_apart() -> None:
    first, second = propagate(library_ovm("qkd"), system(), {RESILIENT: [DUAL], SECRET: [BB84]})
    assert first.requirement == RESILIENT
    assert {each.element for each in second.traces} == {"run", "run.point"}


def test_what_is_unknown_is_a_mistake() -> None:
    with pytest.raises(Mistake, match=r"qkd has no variant 'medium\.sea'"):
        propagated(RESILIENT, VariantId("medium.sea"))
    with pytest.raises(Mistake, match=r"the model has no requirement 'requirement\.none'"):
        propagated(ElementId("requirement.none"), DUAL)
    with pytest.raises(Mistake, match="the model has no requirement 'satellite'"):
        propagated(SATELLITE, DUAL)


def test_every_kind_of_element_has_a_layer() -> None:
    kinds = {each for each in vars(model_module).values() if isinstance(each, type) and issubclass(each, Element)}
    assert kinds - {Element} == set(LAYERS)
