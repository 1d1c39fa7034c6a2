"""Conditional composition: one over-complete model of the whole family, of which a configuration selects elements.

Paper A names it beside module replacement as a way to realise variability ("150 % model"). Both ways give the same
model, because an element, a port and a property each know the variants that ask for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from keytwin.design.composition import Composition
from keytwin.design.fragments import Library
from keytwin.design.model import Block, Element, Model
from keytwin.design.variability import Configuration, Ovm
from keytwin.vocabulary.identity import VariantId


def family_of(ovm: Ovm, library: Library) -> Composition:
    """Return everything that the variants of an OVM bring, in one model; Mistake where two describe one differently."""
    # A variant without a view is no error here: it is one only for whoever chooses it.
    fragments = [library.fragments[each] for each in ovm.variants if each in library.fragments]
    return Composition(
        Model.of(each for one in fragments for each in one.elements), tuple(each.view for each in fragments)
    )


def selected(family: Composition, configuration: Configuration) -> Composition:
    """Return what of a family the chosen variants ask for."""
    chosen = frozenset(configuration.chosen)
    views = tuple(each for each in family.views if each.variant in chosen)
    return Composition(Model.of(_asked_for(family.model, chosen)), views)


def _asked_for(model: Model, chosen: frozenset[VariantId]) -> Iterator[Element]:
    for each in model:
        # Shared elements of variants that were not chosen go with them: nothing is kept that nobody asks for.
        because = _of(each.because, chosen)
        if not because:
            continue
        if isinstance(each, Block):
            ports = tuple(replace(one, because=_of(one.because, chosen)) for one in each.ports)
            properties = tuple(replace(one, because=_of(one.because, chosen)) for one in each.properties)
            kept = tuple(one for one in ports if one.because)
            told = tuple(one for one in properties if one.because)
            yield replace(each, because=because, ports=kept, properties=told)
        else:
            yield replace(each, because=because)


def _of(because: tuple[VariantId, ...], chosen: frozenset[VariantId]) -> tuple[VariantId, ...]:
    return tuple(each for each in because if each in chosen)
