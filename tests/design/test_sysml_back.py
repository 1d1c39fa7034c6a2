"""A configuration that was edited by hand comes back; an edit touches only its own place."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.model import Model
from keytwin.design.sysml_back import (
    checked_configuration,
    configuration_of,
    differences,
    joined,
    read_back,
)
from keytwin.design.sysml_edit import Edit, choice_edits, doc_edit, edited, value_edit
from keytwin.design.sysml_export import sysml_export
from keytwin.design.sysml_family import point_of, usage_of
from keytwin.design.sysml_reader import read_sysml
from keytwin.design.sysml_rules import check_sysml
from keytwin.design.sysml_tree import Document
from keytwin.design.variability import Configuration
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.identity import VariationPointId
from tests.design import sysml_samples as samples

OVM = samples.ovm()
TEXTS = sysml_export(OVM, [samples.configuration()], samples.model(), samples.views())
CONFIGURED = "qkdSystem as configured"


def document(text: str = TEXTS["configuration.sysml"]) -> Document:
    return read_sysml(text, "configuration.sysml")


def written(configuration: Configuration) -> str:
    return sysml_export(OVM, [configuration], Model.of(()), ())["configuration.sysml"]


def changed_lines(before: str, after: str) -> list[str]:
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


def test_what_was_written_comes_back() -> None:
    back = read_back(document())
    assert back.ovm == "qkd"
    assert back.configuration == samples.configuration()
    assert checked_configuration(back, OVM) == samples.configuration()
    assert {each.path: each.value for each in back.values} == {
        f"{CONFIGURED}.alice.length": "20 km",
        f"{CONFIGURED}.alice.clock": "1 GHz",
        f"{CONFIGURED}.alice.maker": 'says "fast"',
        f"{CONFIGURED}.alice.error": "2.5 %",
        f"{CONFIGURED}.bob.length": "2 m",
        f"{CONFIGURED}.fibre.length": "20 km",
    }


def _some_configurations() -> st.SearchStrategy[Configuration]:
    """Draw at each variation point that is open as many variants as it allows."""

    @st.composite
    def drawn(draw: st.DrawFn) -> Configuration:
        chosen: list[str] = []
        waiting = list(OVM.opened_by(None))
        while waiting:
            point = waiting.pop(0)
            variants = [each.id for each in OVM.variants_of(point.id)]
            least = point.least if point.is_mandatory else 0
            some = draw(st.lists(st.sampled_from(variants), min_size=least, max_size=point.most, unique=True))
            chosen += some
            waiting += [opened for each in some for opened in OVM.opened_by(each)]
        return samples.configuration(*chosen) if chosen else samples.configuration()

    return drawn()


@settings(max_examples=40)
@given(_some_configurations())
def test_every_configuration_comes_back(configuration: Configuration) -> None:
    text = written(configuration)
    assert read_back(document(text)).configuration == configuration


@settings(max_examples=40)
@given(_some_configurations(), _some_configurations(), st.sampled_from([each.id for each in OVM.opened_by(None)]))
def test_one_variation_point_can_be_decided_anew(
    before: Configuration, after: Configuration, point: VariationPointId
) -> None:
    start = document(written(before))
    inside = {point, *(each.id for each in OVM.points.values() if each.parent and each.parent.startswith(f"{point}."))}
    text = edited(start, choice_edits(start, OVM, point, after))
    kept = [each for each in before.chosen if OVM.variants[each].point not in inside]
    new = [each for each in after.chosen if OVM.variants[each].point in inside]
    assert read_back(document(text)).configuration.chosen == tuple(sorted({*kept, *new}))
    assert document(text).findings == ()


def test_a_choice_made_by_hand_is_read() -> None:
    text = TEXTS["configuration.sysml"].replace("protocol::bb84", "protocol::'twin-field'")
    back = read_back(document(text))
    assert {"protocol.twin-field"} == set(back.configuration.chosen) - set(samples.configuration().chosen)
    assert {"protocol.bb84"} == set(samples.configuration().chosen) - set(back.configuration.chosen)


def test_a_variant_that_there_is_not_is_told_with_its_place() -> None:
    text = TEXTS["configuration.sysml"].replace("protocol::bb84", "protocol::bb48")
    with pytest.raises(FileMistake) as caught:
        checked_configuration(read_back(document(text)), OVM)
    (finding,) = caught.value.findings
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "bb48" in each)
    assert (finding.line, finding.column) == (line, text.splitlines()[line - 1].index("bb48") + 1)
    assert str(finding) == (
        f"configuration.sysml:{line}:{finding.column}: qkd has no variant protocol.bb48 (did you mean protocol.bb84?)"
    )


def test_with_the_family_a_wrong_choice_breaks_a_rule() -> None:
    wrong = {**TEXTS, "configuration.sysml": TEXTS["configuration.sysml"].replace("'q-link'::rep", "'q-link'::ped")}
    found = check_sysml([read_sysml(text, name) for name, text in wrong.items()])
    assert [each.what for each in found] == ["q-link has no variant pedeater"]
    assert "repeater" in found[0].suggestion


def test_an_edited_value_changes_one_line() -> None:
    start = document()
    text = edited(start, [value_edit(start, f"{CONFIGURED}.alice.clock", "frequency", "2.5 MHz")])
    assert changed_lines(start.source.text, text) == [
        "-             attribute :>> clock = 1 [GHz];",
        "+             attribute :>> clock = 2.5 [MHz];",
    ]
    assert read_back(document(text)).value(f"{CONFIGURED}.alice.clock") == "2.5 MHz"


@given(st.floats(-1e9, 1e9), st.sampled_from(["m", "km"]))
def test_any_value_comes_back_from_an_edit(number: float, unit: str) -> None:
    start = document()
    text = edited(start, [value_edit(start, f"{CONFIGURED}.bob.length", "length", f"{number!r} {unit}")])
    assert read_back(document(text)).value(f"{CONFIGURED}.bob.length") == f"{number!r} {unit}"


def test_a_value_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(Mistake, match=r"nothing is set at .*did you mean 'qkdSystem as configured.alice.clock'"):
        value_edit(document(), f"{CONFIGURED}.alice.clok", "frequency", "1 Hz")
    with pytest.raises(Mistake, match="the file sets no such value"):
        value_edit(document(), "x", "frequency", "1 Hz")


def test_an_expression_that_is_no_plain_value_is_kept_as_it_is() -> None:
    text = TEXTS["configuration.sysml"].replace("= 2 [m]", "= 2 [m] + alice.length")
    assert read_back(document(text)).value(f"{CONFIGURED}.bob.length") == "2 [m] + alice.length"


def test_documentation_can_be_added_to_what_has_a_body_and_to_what_has_none() -> None:
    start = document()
    edits = [
        doc_edit(start, f"{CONFIGURED}.alice", "Stands */ in the\ncellar."),
        doc_edit(start, f"{CONFIGURED}.bob.length", "Measured."),
    ]
    after = document(edited(start, edits))
    assert after.findings == ()
    assert [(each.path, each.text) for each in read_back(after).docs] == [
        (f"{CONFIGURED}.alice", "Stands * / in the cellar."),
        (f"{CONFIGURED}.bob.length", "Measured."),
    ]
    assert read_back(after).value(f"{CONFIGURED}.bob.length") == "2 m"
    with pytest.raises(Mistake, match=r"nothing is called 'x' in configuration\.sysml"):
        doc_edit(start, "x", "y")


def test_edits_keep_the_line_ends_of_the_file() -> None:
    start = document(TEXTS["configuration.sysml"].replace("\n", "\r\n"))
    text = edited(start, [doc_edit(start, f"{CONFIGURED}.bob.length", "Measured.")])
    assert text.count("\n") == text.count("\r\n")


def test_differences_name_what_was_changed_added_and_removed() -> None:
    before = document()
    text = before.source.text
    for old, new in (
        ("protocol::bb84", "protocol::'twin-field'"),
        ("= 2 [m];", "= 3 [m] { doc /* new */ }"),
        ("            attribute :>> maker = ", "            attribute :>> maker2 = "),
    ):
        assert old in text
        text = text.replace(old, new)
    found = differences(read_back(before), read_back(document(text)))
    assert [(each.about, each.path, each.before, each.after, each.line > 0) for each in found] == [
        ("choice", "protocol.bb84", "protocol.bb84", "", False),
        ("choice", "protocol.twin-field", "", "protocol.twin-field", True),
        ("value", f"{CONFIGURED}.alice.maker", 'says "fast"', "", False),
        ("value", f"{CONFIGURED}.bob.length", "2 m", "3 m", True),
        ("value", f"{CONFIGURED}.alice.maker2", "", 'says "fast"', True),
        ("documentation", f"{CONFIGURED}.bob.length", "", "new", True),
    ]
    gone = differences(read_back(document(text)), read_back(before))
    assert ("documentation", "new", "") in [(each.about, each.before, each.after) for each in gone]
    assert differences(read_back(before), read_back(before)) == ()


def test_a_text_without_a_configuration_chooses_nothing() -> None:
    other = read_sysml("package P { part a { attribute :>> b = 1 [m]; } }", "p.sysml")
    back = read_back(other)
    assert (back.ovm, back.chosen, [each.path for each in back.values]) == ("", (), ["a.b"])
    assert configuration_of(other) is None
    with pytest.raises(Mistake, match=r"p\.sysml holds no configuration"):
        choice_edits(other, OVM, VariationPointId("protocol"), samples.configuration())


def test_several_files_are_one() -> None:
    other = read_back(read_sysml("package P { part a { attribute :>> b = 1 [m]; } }", "p.sysml"))
    both = joined([other, read_back(document())])
    assert both.file == "configuration.sysml"
    assert both.value("a.b") == "1 m"
    assert both.configuration == samples.configuration()


def test_edits_are_made_from_the_end() -> None:
    start = read_sysml("package P;")
    assert edited(start, [Edit(0, 7, "a"), Edit(8, 9, "b")]) == "a b;"


@pytest.mark.parametrize("point", list(OVM.points))
def test_the_name_of_a_variation_point_says_which_it_is(point: VariationPointId) -> None:
    assert point_of(usage_of(OVM, point)) == point
