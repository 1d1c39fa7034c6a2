"""Paper A's own selection is valid, whatever the shipped OVMs say: written before any dependency was."""

from __future__ import annotations

import pytest

from keytwin.design.counting import Diagram
from keytwin.design.ovm_features import chosen_features, features_of, parse_configuration
from keytwin.design.selection import Selection, completed, selected
from keytwin.design.variability import Bond
from keytwin.design.views import ViewKind
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId
from tests.design.models import PAPER_A, every_configuration


@pytest.mark.parametrize("name", ["paper-a", "qkd"])
def test_the_selection_of_the_case_study_is_a_configuration(name: str) -> None:
    ovm = library_ovm(name)
    assert features_of(ovm).is_valid(chosen_features(ovm, parse_configuration(ovm, PAPER_A)))


@pytest.mark.parametrize("name", ["paper-a", "qkd"])
def test_it_can_be_clicked_in_any_order_and_needs_nothing_more(name: str) -> None:
    model = features_of(library_ovm(name))
    for turn in range(len(PAPER_A)):
        selection = selected(model, [(each, True) for each in PAPER_A[turn:] + PAPER_A[:turn]])
        assert selection is not None
        chosen = {each for each in completed(selection) if not model.features[each].is_abstract}
        assert chosen == set(PAPER_A)


def test_the_backbone_is_that_of_figure_3() -> None:
    ovm = library_ovm("paper-a")
    told = {each.id: (each.parent, each.least, each.most, each.view) for each in ovm.points.values()}
    assert told == {
        "protocol": (None, 1, 1, ViewKind.ACTIVITY),
        "q-link": (None, 1, 1, ViewKind.SEQUENCE),
        "medium": (None, 1, 2, ViewKind.BLOCK),
        "terrestrial": ("medium.terrestrial", 1, 1, ViewKind.BLOCK),
        "free-space": ("medium.satellite", 1, 1, ViewKind.BLOCK),
    }
    names = [each.name for each in ovm.variants.values()]
    assert names[:5] == ["BB84", "MDI-QKD", "Ekert (E91)", "Direct", "With entanglement swapping (QR)"]
    assert not ovm.dependencies, "the paper leaves them to later work"


def test_the_backbone_has_three_protocols_two_links_and_three_uses_of_media() -> None:
    ovm = library_ovm("paper-a")
    assert Diagram(features_of(ovm)).count() == len(every_configuration(ovm)) == 3 * 2 * 3


def test_what_the_extension_adds_leaves_the_backbone_as_it_is() -> None:
    base, extended = library_ovm("paper-a"), library_ovm("qkd")
    assert [extended.variants[each] for each in base.variants] == list(base.variants.values())
    for each in base.points.values():
        assert (extended.points[each.id].parent, extended.points[each.id].view) == (each.parent, each.view)


def test_bb84_over_repeaters_is_allowed_and_other_protocols_are_refused_with_a_reason_of_physics() -> None:
    """Trap: that swapping "needs an entanglement protocol" is the natural rule, and rejects the paper's own choice."""
    ovm = library_ovm("qkd")
    selection = Selection(features_of(ovm))
    assert selection.click("q-link.repeater") is not None
    assert selection.state("protocol.bb84") == selection.state("protocol.e91") == "free"
    assert selection.state("protocol.decoy-bb84") == "dead"


def test_every_dependency_of_the_library_has_a_reason_that_is_a_clause_and_holds_of_something() -> None:
    for name in ("qkd", "coffee"):
        ovm = library_ovm(name)
        for each in ovm.dependencies:
            assert len(each.reason.split()) >= 4, each
            assert not each.reason.endswith(".")
            selection = Selection(features_of(ovm))
            assert selection.click(each.source) is not None, f"{each.source} can never be chosen"
            if each.bond is Bond.EXCLUDES:
                assert all(selection.state(target) == "dead" for target in each.targets)


def test_nothing_in_the_library_is_dead() -> None:
    for name in ("paper-a", "qkd", "coffee"):
        selection = Selection(features_of(library_ovm(name)))
        assert (selection.is_void, selection.dead) == (False, ())


def test_every_figure_of_the_library_has_a_source_and_every_variant_says_what_it_is() -> None:
    for name in ("paper-a", "qkd", "coffee"):
        for variant in library_ovm(name).variants.values():
            assert variant.about, variant.id
            assert all(figure.source for figure in variant.attributes)


def test_a_configuration_of_unknown_variants_is_refused() -> None:
    with pytest.raises(Mistake, match=r"paper-a has no variant 'protocol\.bb85'"):
        parse_configuration(library_ovm("paper-a"), ("protocol.bb85",))
    twice = parse_configuration(library_ovm("paper-a"), ("protocol.bb84", "protocol.bb84"))
    assert twice.chosen == (VariantId("protocol.bb84"),)
