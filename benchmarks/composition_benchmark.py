"""How long it takes to compose an architecture, to build the model of the whole family, and to read all views."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from benchmarks.table import Row, best_rate
from keytwin.assessment.architecture import views_of, wanted
from keytwin.assessment.tables import tables
from keytwin.design.choosing import configured
from keytwin.design.composition import compose
from keytwin.design.family import family_of, selected
from keytwin.files.ovm import library_ovm
from keytwin.files.view_library import read_library

TIMES = 5
SMALL = ("protocol.bb84", "q-link.direct", "medium.terrestrial", "terrestrial.fibre")


def rows() -> Iterable[Row]:
    """Measure."""
    ovm, library = library_ovm("qkd"), views_of("qkd")
    case_study = configured(*wanted("long-range"))
    small = configured(*wanted(SMALL))
    family = family_of(ovm, library)
    figures: list[tuple[str, Callable[[], object]]] = [
        ("composition: case study, two media", partial(compose, ovm, library, case_study)),
        ("composition: direct link, one medium", partial(compose, ovm, library, small)),
        ("composition: model of the family", partial(family_of, ovm, library)),
        ("composition: selected from the family", partial(selected, family, case_study)),
        ("composition: variants to configuration", partial(_configured, "long-range")),
        ("composition: all views read", partial(read_library, "qkd", ovm, tables())),
    ]
    for name, work in figures:
        yield Row(name, 1_000 / best_rate(partial(_repeated, work)), "ms", is_cost=True)


def _configured(selection: str) -> object:
    return configured(*wanted(selection))


def _repeated(work: Callable[[], object]) -> float:
    for _ in range(TIMES):
        work()
    return TIMES
