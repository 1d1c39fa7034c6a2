"""SysML v2 of the case study: time to export it, to read it back, and to hold it against the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.table import Row, best_rate

BATCH = 5  # each is tens of milliseconds


def rows() -> Iterable[Row]:
    """Measure on the case study of paper A."""
    from keytwin.assessment.architecture import architecture
    from keytwin.design.sysml_export import sysml_export
    from keytwin.design.sysml_model import read_model
    from keytwin.design.sysml_reader import read_sysml
    from keytwin.design.sysml_rules import check_sysml
    from keytwin.files.ovm import read_ovm

    ovm = read_ovm("qkd")
    made = architecture("long-range")
    texts = sysml_export(ovm, [made.configuration], made.after.model, made.after.views)
    documents = [read_sysml(text, name) for name, text in texts.items()]
    size = sum(len(text.encode()) for text in texts.values())

    def export() -> None:
        sysml_export(ovm, [made.configuration], made.after.model, made.after.views)

    def read() -> None:
        for name, text in texts.items():
            read_sysml(text, name)

    yield Row("sysml: export the case study", _milliseconds(export), "ms", f"{size // 1000} kB", is_cost=True)
    rate = best_rate(_many(read)) * size / 1000
    yield Row("sysml: read text", rate, "kB/s", "aim of design", must=100, aim=200)
    yield Row("sysml: rules", _milliseconds(lambda: check_sysml(documents)), "ms", f"{size // 1000} kB", is_cost=True)
    yield Row("sysml: the model back", _milliseconds(lambda: read_model(documents)), "ms", "", is_cost=True)


def _milliseconds(work: Callable[[], object]) -> float:
    return 1000 / best_rate(_many(work))


def _many(work: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        for _ in range(BATCH):
            work()
        return BATCH

    return run
