"""The views of the library, of paper A's selection and of sampled configurations, drawn without a fault."""

from __future__ import annotations

import pytest
from numpy.random import default_rng

from keytwin.assessment.architecture import architecture, architecture_of
from keytwin.design.composition import Architecture
from keytwin.design.counting import Diagram
from keytwin.design.ovm_features import configuration_of, features_of
from keytwin.drawing.sheet import sheet
from keytwin.drawing.svg import scene_of
from keytwin.files.ovm import library_ovm
from tests.drawing.geometry import faults
from tests.drawing.test_geometry import CHOSEN

EVEN = 100
"""How many sampled configurations are drawn."""


def drawn_faults(made: Architecture) -> list[str]:
    return [
        f"{view.id}: {fault}"
        for side in (made.before, made.after)
        for view in side.views
        for fault in faults(scene_of(side.model, view))
    ]


def test_paper_a_selection_is_drawn_without_a_fault() -> None:
    made = architecture(CHOSEN)
    assert drawn_faults(made) == []
    for side in (made.before, made.after):
        assert faults(sheet([scene_of(side.model, view) for view in side.views], "Paper A, Fig. 7")) == []


def test_the_interface_of_paper_a_selection_shows_both_media_the_repeater_and_one_satellite() -> None:
    made = architecture(CHOSEN)
    view = next(each for each in made.after.views if each.id == made.interface)
    names = [node.texts[0].words.lower() for node in scene_of(made.after.model, view).nodes if node.texts]
    for wanted in ("fibre", "repeater"):
        assert any(wanted in name for name in names)
    assert names.count("satellite") == 1


@pytest.mark.slow
def test_sampled_configurations_are_drawn_without_a_fault() -> None:
    ovm = library_ovm("qkd")
    diagram = Diagram(features_of(ovm))
    drawn: set[str] = set()
    for chosen in diagram.sample(EVEN, default_rng(5)):
        configuration = configuration_of(ovm, chosen)
        made = architecture_of(ovm, configuration)
        for side in (made.before, made.after):
            for view in side.views:
                seen = repr((view, [side.model.elements[each] for each in view.shown if each in side.model]))
                if seen not in drawn:  # many configurations share a view
                    drawn.add(seen)
                    assert faults(scene_of(side.model, view)) == [], view.id
    assert len(drawn) > EVEN
