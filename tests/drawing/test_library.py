"""The views of the library, of paper A's selection and of sampled configurations, drawn without a fault."""

from __future__ import annotations

import pytest

from keytwin.assessment.architecture import architecture, architecture_of
from keytwin.design.composition import Architecture
from keytwin.design.selection import Selection
from keytwin.drawing.ovm import ovm_scene
from keytwin.drawing.schematic import schematic_scene
from keytwin.drawing.sheet import sheet
from keytwin.drawing.svg import scene_of
from keytwin.files.ovm import library_ovm
from tests.drawing.geometry import faults
from tests.drawing.test_geometry import CHOSEN
