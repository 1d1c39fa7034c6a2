"""Module replacement: another variant at one variation point, and what moves in which view."""

from __future__ import annotations

import pytest

from keytwin.design.choosing import configured, replaced
from keytwin.design.composition import compose
from keytwin.design.replacement import Moved, moved
from keytwin.design.variability import Configuration
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId, VariationPointId
from tests.design.configurations import chosen
from tests.design.shipped import ONE_MEDIUM, PAPER_A, composed, library, ovm

DIRECT = ("protocol.bb84", "q-link.direct", "medium.terrestrial", "terrestrial.fibre")
CLASSICAL = (*DIRECT, "control.sdn-015", "key-api.etsi-014", "key-management.central", "authentication.pre-shared")


def put(names: tuple[str, ...], point: str, variant: str) -> Configuration:
    wanted = VariantId(f"{point}.{variant}")
    return replaced(ovm(), chosen(ovm(), *names), VariationPointId(point), wanted)


def moves(names: tuple[str, ...], point: str, variant: str) -> dict[str, Moved]:
    old = composed(*names)
    new = compose(ovm(), library(), put(names, point, variant))
    return {each.view: each for each in moved(ovm(), old, new)}


def test_all_else_stays_as_it_was() -> None:
    assert put(DIRECT, "protocol", "mdi") == chosen(ovm(), "protocol.mdi", *DIRECT[1:])


def test_what_the_old_variant_opened_is_gone_with_it() -> None:
    both = put(PAPER_A, "medium", "terrestrial")
    assert both == chosen(ovm(), *ONE_MEDIUM)


def test_what_the_new_variant_opens_must_be_said() -> None:
    with pytest.raises(Mistake, match=r"is not decided: add 'free-space' to the selection \(known: single, const"):
        put(DIRECT, "medium", "satellite")


def test_what_does_not_go_together_is_refused_with_its_reason() -> None:
    with pytest.raises(Mistake, match="the pairs that a repeater stores and swaps are qubits"):
        put(PAPER_A, "protocol", "gg02")


@pytest.mark.parametrize(
    ("point", "variant", "told"),
    [
        ("protocl", "mdi", "qkd has no variation point 'protocl'"),
        ("protocol", "mdix", r"protocol has no variant 'mdix' \(known: bb84, mdi"),
    ],
)
def test_what_is_not_there_cannot_replace(point: str, variant: str, told: str) -> None:
    with pytest.raises(Mistake, match=told):
        put(PAPER_A, point, variant)


def test_an_open_choice_is_not_guessed() -> None:
    with pytest.raises(Mistake, match="Medium is not decided"):
        configured(ovm(), {VariationPointId("protocol"): (VariantId("protocol.bb84"),)})


def test_the_classical_half_does_not_move_when_a_protocol_is_replaced() -> None:
    found = moves(CLASSICAL, "protocol", "decoy-bb84")
    assert [name for name, each in found.items() if not each.is_still] == ["protocol"]


def test_another_kind_of_protocol_moves_parts_and_interfaces_but_not_control() -> None:
    found = moves(CLASSICAL, "protocol", "mdi")
    still = {name for name, each in found.items() if each.is_still}
    assert {"medium", "terrestrial", "control", "key-api", "key-management", "authentication"} <= still
    assert "system.charlie" in found["view.interface"].added
    assert "direct.transmit" in found["q-link"].removed
    assert found["protocol"].before == "BB84"
    assert found["protocol"].after == "MDI-QKD"


def test_what_moved_is_all_there_is() -> None:
    old, new = composed(*DIRECT), compose(ovm(), library(), put(DIRECT, "protocol", "mdi"))
    found = moved(ovm(), old, new)
    for each, before, after in ((one, old, new) for one in found if not one.view.startswith("view.")):
        first = next(view for view in before.after.views if view.variant and view.variant.startswith(f"{each.view}."))
        second = next(view for view in after.after.views if view.variant and view.variant.startswith(f"{each.view}."))
        assert set(each.added) == set(second.shown) - set(first.shown)
        assert set(each.removed) == set(first.shown) - set(second.shown)


def test_the_same_moves_nothing() -> None:
    assert all(each.is_still for each in moved(ovm(), composed(*DIRECT), composed(*DIRECT)))


def test_a_view_that_comes_or_goes_is_told() -> None:
    found = {each.view: each for each in moved(ovm(), composed(*PAPER_A), composed(*ONE_MEDIUM))}
    gone = found["view.q-link.repeater.satellite-channel"]
    assert (gone.after, gone.added) == ("", ())
    assert gone.removed
