"""From a selection of variants to an architecture: paper A, step 4.

Here the design half, which reads no files and knows no running machine, is handed the OVM and the views from files, and
the state tables of key management and control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from keytwin.assessment.tables import tables
from keytwin.design.choosing import Chosen, configured, replaced
from keytwin.design.composition import Architecture, compose
from keytwin.design.fragments import Library
from keytwin.design.variability import Configuration, Ovm
from keytwin.files.library import view_folders
from keytwin.files.ovm import library_ovm
from keytwin.files.selection_file import read_selection
from keytwin.files.view_library import read_library
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId, VariationPointId

USUAL_OVM: Final = "qkd"


def architecture(selection: str | Iterable[str], ovm: str | None = None, *, replace: str = "") -> Architecture:
    """Return the architecture that a selection of variants becomes.

    `selection` is an example's name, the path of a selection file, or the variants themselves (`protocol.bb84`). `ovm`
    is that of the selection, or `qkd`, when left out; `replace` puts another variant in the place of one of them
    (`protocol=mdi`). Mistake, with its reason, when the variants do not go together.
    """
    known, chosen = wanted(selection, ovm)
    configuration = configured(known, chosen)
    if replace:
        configuration = replaced(known, configuration, *parse_replacement(replace))
    return architecture_of(known, configuration)


def architecture_of(ovm: Ovm, configuration: Configuration) -> Architecture:
    """Return the architecture of a configuration that is known to be valid."""
    return compose(ovm, views_of(ovm.name, configuration.chosen), configuration)


def wanted(selection: str | Iterable[str], ovm: str | None = None) -> tuple[Ovm, Chosen]:
    """Return the OVM of a selection, and what it chooses."""
    if isinstance(selection, str):
        file = read_selection(selection)
        return library_ovm(ovm or file.ovm), file.choose
    # Variants alone name no OVM, and the largest one knows all of them.
    known = library_ovm(ovm or USUAL_OVM)
    chosen: dict[VariationPointId, tuple[VariantId, ...]] = {}
    for name in selection:
        if name not in known.variants:
            raise Mistake(f"{known.name} has no variant {name!r}: write it as 'protocol.bb84'")
        variant = known.variants[VariantId(name)]
        # In the order they were given: a variation point may take several variants, and none of them is the main one.
        chosen[variant.point] = (*chosen.get(variant.point, ()), variant.id)
    return known, chosen


def parse_replacement(text: str) -> tuple[VariationPointId, VariantId]:
    """Read `protocol=mdi`; Mistake when it is not written so."""
    # Both spellings are taken, `protocol=mdi` and `protocol=protocol.mdi`: messages name variants in full.
    point, is_said, variant = (each.strip() for each in text.partition("="))
    if not point or not is_said or not variant:
        raise Mistake(f"{text!r} replaces nothing: write it as 'protocol=mdi'")
    # `protocol=protocol.mdi` is meant as plainly as `protocol=mdi`, so the point is never put before it twice.
    return VariationPointId(point), VariantId(f"{point}.{variant.removeprefix(f'{point}.')}")


def views_of(ovm: str, chosen: tuple[VariantId, ...] | None = None) -> Library:
    """Return the views of an OVM of the library: its own, or those of the one that it is a part of.

    With `chosen`, only what composing these variants needs: reading all of them takes a second.
    """
    # The smaller OVM is a part of the larger one and shares its views: written twice, they would drift apart.
    return _views_in(ovm if ovm in view_folders() else USUAL_OVM, chosen)


def bound_views(ovm: Ovm) -> Mapping[VariantId, tuple[str, ...]] | None:
    """Return the views that each variant is bound to; None of an OVM that has no views, such as one of the user's."""
    # An OVM that has no folder gets that of the usual one, in which none of its variants may be.
    fragments = views_of(ovm.name).fragments
    found = {variant: (fragments[variant].view.id,) for variant in ovm.variants if variant in fragments}
    return found or None


@cache
def _views_in(folder: str, chosen: tuple[VariantId, ...] | None) -> Library:
    return read_library(folder, library_ovm(folder), tables(), chosen)
