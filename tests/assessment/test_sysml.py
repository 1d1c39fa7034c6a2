"""Architectures of the shipped variability model as SysML v2 files."""

from __future__ import annotations

import pytest

from keytwin.assessment.architecture import architecture, architecture_of, views_of
from keytwin.assessment.sysml import exported, exported_configuration, exported_family, rewritten, sampled
from keytwin.design.family import family_of
from keytwin.design.model import Part
from keytwin.design.sysml_back import differences, read_back
from keytwin.design.sysml_model import read_model
from keytwin.design.sysml_reader import read_sysml
from keytwin.design.sysml_rules import check_sysml
from keytwin.design.sysml_tree import Document
from keytwin.files.ovm import read_ovm
from keytwin.files.sysml_reference import check_by_reference, toolkit_is_there
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import VariationPointId

LONG_RANGE = exported("long-range")


def documents(texts: dict[str, str]) -> list[Document]:
    return [read_sysml(text, name) for name, text in texts.items()]


def test_the_selection_of_paper_a_comes_back_whole() -> None:
    read = documents(LONG_RANGE)
    assert check_sysml(read) == ()
    assert read_model(read) == architecture("long-range").after.model
    back = read_back(read[-1])
    assert back.configuration == architecture("long-range").configuration
    assert differences(rewritten(back), back) == ()


def test_the_whole_family_comes_back() -> None:
    read = documents(exported_family())
    ovm = read_ovm("qkd")
    assert check_sysml(read) == ()
    assert read_model(read) == family_of(ovm, views_of(ovm.name)).model


@pytest.mark.parametrize("seed", range(4))
def test_configurations_that_are_drawn_come_back(seed: int) -> None:
    ovm = read_ovm("qkd")
    ((configuration, texts),) = sampled(None, 1, seed)
    read = documents(texts)
    assert check_sysml(read) == ()
    assert read_model(read) == architecture_of(ovm, configuration).after.model
    assert read_back(read[-1]).configuration == configuration


def test_equal_seeds_give_equal_files() -> None:
    assert list(sampled("qkd", 2, 7)) == list(sampled("qkd", 2, 7))
    assert list(sampled("qkd", 2, 7)) != list(sampled("qkd", 2, 8))


def test_any_number_of_parts_is_any_number() -> None:
    """A view file may say `most: any`, which our rule found to have been read as one."""
    family = family_of(read_ovm("qkd"), views_of("qkd"))
    assert any(part.most is None for part in family.model.all(Part))
    assert all(part.most is None or part.least <= part.most for part in family.model.all(Part))


def test_another_variability_model_of_the_same_views() -> None:
    ovm = read_ovm("paper-a")
    texts = exported_configuration(ovm, architecture("long-range", "paper-a").configuration)
    assert check_sysml(documents(texts)) == ()
    assert VariationPointId("topology") not in ovm.points
    assert "variation part def TopologyChoice" not in texts["family.sysml"]


def test_a_variant_that_there_is_not_is_told_with_its_place() -> None:
    text = LONG_RANGE["configuration.sysml"].replace("protocol::bb84", "protocol::bb85")
    with pytest.raises(FileMistake, match=r"c\.sysml:\d+:\d+: qkd has no variant protocol\.bb85 \(did you mean"):
        rewritten(read_back(read_sysml(text, "c.sysml")))


@pytest.mark.slow
@pytest.mark.skipif(not toolkit_is_there(), reason="the extra 'sysml' is not installed")
@pytest.mark.parametrize("seed", range(5))
def test_the_reference_toolkit_resolves_every_name(seed: int) -> None:
    """Fifty configurations, with the same seeds everywhere, and paper A's own."""
    texts = [LONG_RANGE, exported_family()] if seed == 0 else []
    for each in [*texts, *(files for _, files in sampled(None, 10, seed))]:
        assert check_by_reference(each).unresolved == ()
        assert check_sysml(documents(each)) == ()


@pytest.mark.parametrize("name", LONG_RANGE)
def test_every_file_of_an_export_is_read_without_losing_a_byte(name: str) -> None:
    document = read_sysml(LONG_RANGE[name], name)
    assert document.findings == ()
    assert document.text() == LONG_RANGE[name]


def test_a_choice_that_is_removed_is_the_difference_that_is_told() -> None:
    text = LONG_RANGE["configuration.sysml"]
    back = read_back(read_sysml(text, "configuration.sysml"))
    whole = {each.variant for each in back.chosen}
    line = next(each for each in text.splitlines(keepends=True) if each.strip().endswith("protocol::bb84;"))
    less = read_back(read_sysml(text.replace(line, ""), "configuration.sysml"))
    assert whole - {each.variant for each in less.chosen} == {"protocol.bb84"}
    (told,) = differences(back, less)
    assert (told.about, told.before, told.after, told.line) == ("choice", "protocol.bb84", "", 0)
