"""Architectures as SysML v2 files, and what comes back from them: paper A, step 4, in a notation that others read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from keytwin.assessment.architecture import USUAL_OVM, architecture_of, views_of, wanted
from keytwin.design.choosing import configured
from keytwin.design.composition import Architecture
from keytwin.design.counting import Diagram
from keytwin.design.family import family_of
from keytwin.design.ovm_features import configuration_of, features_of
from keytwin.design.sysml_back import ReadBack, checked_configuration, read_back
from keytwin.design.sysml_export import sysml_export
from keytwin.design.sysml_reader import read_sysml
from keytwin.design.variability import Configuration, Ovm
from keytwin.files.ovm import read_ovm
from keytwin.runtime.entropy import SeededChance
from keytwin.vocabulary.identity import ElementName

_PURPOSE: Final = ElementName("design/sample")
MOST_SAMPLES: Final = 1000  # each is a folder of files


def exported(selection: str | Iterable[str], ovm: str | None = None) -> dict[str, str]:
    """Return the SysML v2 files of what a selection of variants becomes."""
    known, chosen = wanted(selection, ovm)
    return exported_configuration(known, configured(known, chosen))


def exported_configuration(ovm: Ovm, configuration: Configuration) -> dict[str, str]:
    """Return the files of a configuration that is known to be valid."""
    return exported_architecture(ovm, architecture_of(ovm, configuration))


def exported_architecture(ovm: Ovm, architecture: Architecture) -> dict[str, str]:
    """Return the files of an architecture that has been composed already."""
    after = architecture.after
    return sysml_export(ovm, [architecture.configuration], after.model, after.views)


def exported_family(ovm: str | None = None) -> dict[str, str]:
    """Return the files of a whole variability model, with the views of all its variants and nothing chosen."""
    known = read_ovm(ovm or USUAL_OVM)
    family = family_of(known, views_of(known.name))
    return sysml_export(known, [], family.model, family.views)


def sampled(ovm: str | None, number: int, seed: int) -> Iterator[tuple[Configuration, dict[str, str]]]:
    """Yield configurations drawn with equal probability, each with its files."""
    known = read_ovm(ovm or USUAL_OVM)
    # The purpose keeps this draw apart from any other that is made with the same seed.
    chance = SeededChance(seed).entropy(_PURPOSE)
    for features in Diagram(features_of(known)).sample(number, chance):
        configuration = configuration_of(known, features)
        yield configuration, exported_configuration(known, configuration)


def rewritten(back: ReadBack) -> ReadBack:
    """Return what keytwin itself would write for the configuration that was read.

    FileMistake, with places, for variants that the variability model does not have; Mistake when they do not go
    together.
    """
    ovm = read_ovm(back.ovm)
    chosen: dict[str, tuple[str, ...]] = {}
    for variant in checked_configuration(back, ovm).chosen:
        point = variant.partition(".")[0]
        chosen[point] = (*chosen.get(point, ()), variant)
    # Composed anew from the choices alone: what was edited by hand besides shows as a difference.
    known, wishes = wanted([each for some in chosen.values() for each in some], back.ovm)
    texts = exported_configuration(known, configured(known, wishes))
    return read_back(read_sysml(texts["configuration.sysml"], back.file))
