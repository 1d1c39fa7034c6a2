"""The meter itself, on small planted sources: each figure can be wrong, so each budget can fail."""

from __future__ import annotations

import pytest

from tests.architecture.meter import Part, Shape, measure, percentile, ratio
from tests.architecture.source import parse


def shape_of(**sources: str) -> Shape:
    return measure(parse(name.replace("__", "."), text) for name, text in sources.items())


def only(kind: str, text: str) -> Part:
    (part,) = shape_of(planted=text).of(kind)
    return part


def test_lines_of_a_file_are_physical_and_code_is_without_comments_blanks_and_docstrings() -> None:
    part = only("module", '"""Doc\n\ngoes on."""\n\n# why\nx = 1  # and here\ny = """\ntext\n"""\n')
    assert (part.lines, part.code, part.comments, part.documented) == (9, 4, 2, True)


def test_an_empty_file_needs_no_docstring() -> None:
    assert not only("module", "").public


def test_a_function_is_as_long_as_its_text_and_its_body_as_its_code() -> None:
    part = only(
        "function", '@decorated\ndef f() -> None:\n    """Say."""\n\n    # why\n    return g(\n        1,\n    )\n'
    )
    assert (part.lines, part.code) == (7, 4)


@pytest.mark.parametrize(
    ("body", "branches"),
    [
        ("return 1", 1),
        ("return 1 if x else 2", 2),
        ("if x and y or z:\n        pass\n    elif y:\n        pass", 5),
        ("for i in x:\n        while i:\n            pass", 3),
        ("return [i for i in x if i]", 2),
        ("try:\n        pass\n    except A:\n        pass\n    except B:\n        pass", 3),
        ("match x:\n        case 1:\n            pass\n        case _:\n            pass", 3),
    ],
)
def test_branches_are_one_more_than_the_decisions(body: str, branches: int) -> None:
    assert only("function", f"def f(x, y, z):\n    {body}\n").branches == branches


@pytest.mark.parametrize(
    ("signature", "parameters", "typed"),
    [
        ("f() -> None", 0, True),
        ("f()", 0, False),
        ("f(self, a: int, /, b: int, *c: int, d: int, **e: int) -> None", 5, True),
        ("f(self, a) -> None", 1, False),
        ("f(cls, *a) -> None", 1, False),
    ],
)
def test_parameters_are_counted_without_self(signature: str, parameters: int, *, typed: bool) -> None:
    part = only("function", f"def {signature}:\n    pass\n")
    assert (part.parameters, part.typed) == (parameters, typed)


def test_methods_of_a_class_are_its_own() -> None:
    part = only("class", "class A:\n    x = 1\n    def a(self): ...\n    async def b(self):\n        def c(): ...\n")
    assert part.methods == 2


def test_public_is_what_can_be_reached_without_an_underscore() -> None:
    text = "class A:\n    def b(self):\n        def c(): ...\n    def _d(self): ...\nclass _E:\n    def f(self): ...\n"
    parts = shape_of(planted=text).parts
    assert [part.where for part in parts if part.public] == ["planted", "planted:A", "planted:A.b"]


def test_documented_parts_are_told_from_others() -> None:
    shape = shape_of(planted='class A:\n    """Is."""\n    def b(self): ...\n')
    assert [part.documented for part in shape.parts] == [False, True, False]
    assert ratio(shape.parts, lambda part: part.documented) == pytest.approx(1 / 3)


def test_modules_that_import_one_another_are_a_cycle_even_inside_functions_and_for_types_only() -> None:
    shape = shape_of(
        k="",
        k__a="from k import b\n",
        k__b="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from k.c import thing\n",
        k__c="def f():\n    import k.a\n",
        k__d="from . import a\n",
    )
    assert shape.cycles() == [["k.a", "k.b", "k.c"]]


def test_star_imports_broad_handlers_and_prints_are_found() -> None:
    text = "from a import *\ntry:\n    print()\nexcept (OSError, Exception):\n    x.print()\nexcept:\n    pass\n"
    shape = shape_of(planted=text)
    assert shape.star_imports == ["planted: a"]
    assert shape.broad_excepts == ["planted:4", "planted:6"]
    assert shape.prints == ["planted:3"]


def test_narrow_handlers_are_not_broad() -> None:
    assert not shape_of(planted="try:\n    x\nexcept (OSError, ValueError):\n    pass\n").broad_excepts


def test_percentile_of_few_and_none() -> None:
    assert percentile([], 0.9) == 0
    assert percentile([3], 0.9) == 3
    assert percentile(range(1, 11), 0.9) == 10
    assert percentile(range(100), 0.9) == 90
