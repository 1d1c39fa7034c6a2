"""The entry to all drawings: a view of a model as the text of an SVG file."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from keytwin.design.model import Model
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.views import View, ViewKind
from keytwin.drawing.activity import activity
from keytwin.drawing.block import block_definition
from keytwin.drawing.internal import internal
from keytwin.drawing.ovm import ovm_scene
from keytwin.drawing.painter import paint
from keytwin.drawing.parametric import parametric
from keytwin.drawing.requirement import requirement
from keytwin.drawing.scene import Scene
from keytwin.drawing.sequence import sequence
from keytwin.drawing.states import state_machine
from keytwin.drawing.theme import Theme

LAYOUTS: Final = MappingProxyType[ViewKind, Callable[[Model, View], Scene]](
    {
        ViewKind.ACTIVITY: activity,
        ViewKind.SEQUENCE: sequence,
        ViewKind.BLOCK: block_definition,
        ViewKind.INTERNAL: internal,
        ViewKind.STATE: state_machine,
        ViewKind.REQUIREMENT: requirement,
        ViewKind.PARAMETRIC: parametric,
    }
)
"""The layout of each kind of view."""


def draw_view(model: Model, view: View, theme: Theme = Theme.AUTO) -> str:
    """Draw a view of a model; equal models and views give equal text."""
    return paint(scene_of(model, view), theme)


def draw_ovm(ovm: Ovm, configuration: Configuration | None = None, theme: Theme = Theme.AUTO) -> str:
    """Draw an OVM; what a configuration chooses is brought out."""
    return paint(ovm_scene(ovm, configuration), theme)


def scene_of(model: Model, view: View) -> Scene:
    """Lay a view of a model out."""
    return LAYOUTS[view.kind](model, view)
