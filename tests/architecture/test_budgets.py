"""Budgets of size and shape, taken from the better quartile of admired code bases. A budget is only ever lowered."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.architecture.meter import Part, Shape, measure, percentile, ratio
from tests.architecture.source import PACKAGE, ROOT, modules

Measure = Callable[[Shape], float]
SHOWN = 5  # offenders in a message: enough to start with


@cache
def package() -> Shape:
    return measure(modules(PACKAGE))


def worst(parts: list[Part], figure: str) -> str:
    ranked = sorted(parts, key=lambda part: -getattr(part, figure))
    return ", ".join(f"{part.where} {getattr(part, figure)}" for part in ranked[:SHOWN])


def lacking(parts: list[Part], figure: str) -> str:
    return ", ".join(part.where for part in parts if not getattr(part, figure))


@pytest.mark.parametrize(
    ("kind", "figure", "share", "most"),
    [
        pytest.param("module", "lines", 0.9, 350, id="file_p90"),
        pytest.param("module", "lines", 1.0, 500, id="file_max"),
        pytest.param("function", "lines", 0.9, 25, id="function_p90"),
        pytest.param("function", "code", 1.0, 70, id="body_over_70"),
        pytest.param("function", "branches", 1.0, 12, id="branches_max"),
        pytest.param("function", "parameters", 1.0, 6, id="parameters_max"),
        pytest.param("class", "methods", 1.0, 15, id="methods_max"),
    ],
)
def test_sizes_stay_within(kind: str, figure: str, share: float, most: int) -> None:
    parts = package().of(kind)
    found = percentile((getattr(part, figure) for part in parts), share)
    assert found <= most, f"{figure} of a {kind}: {found}, budget {most}; the worst: {worst(parts, figure)}"


def test_cycles_all() -> None:
    assert package().cycles() == [], "modules that import one another: move what they share below both"


def test_depth_max() -> None:
    deep = [part.where for part in package().of("module") if part.where.count(".") > 2]
    assert deep == [], "at most two levels below the package"


def test_star_imports() -> None:
    assert package().star_imports == [], "import names"


def test_broad_excepts_per_kloc() -> None:
    found = 1000 * len(package().broad_excepts) / package().code()
    assert found <= 0.5, f"{found:.1f} broad handlers in 1000 lines: {', '.join(package().broad_excepts)}"


def test_prints_only_in_the_shell() -> None:
    assert [place for place in package().prints if not place.startswith("keytwin.cli")] == []


def test_everything_is_typed() -> None:
    functions = package().of("function")
    assert ratio(functions, lambda part: part.typed) == 1, f"without types: {lacking(functions, 'typed')}"


def test_public_things_are_documented() -> None:
    public = [part for part in package().parts if part.public]
    found = ratio(public, lambda part: part.documented)
    assert found >= 0.9, f"{found:.0%} of public things have a docstring; without: {lacking(public, 'documented')}"


def test_tests_are_as_long_as_the_code() -> None:
    tests, code = measure(modules(ROOT / "tests")).code(), package().code()
    assert tests >= code, f"{tests} lines of tests for {code} lines of code"


def test_comments_say_enough_and_not_too_much() -> None:
    found = sum(part.comments for part in package().of("module")) / package().code()
    assert 0.04 <= found <= 0.12, f"{found:.1%} of the lines have a comment, should be 4 to 12 %"
