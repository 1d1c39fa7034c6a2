"""Names mean what the notation says: what is owned, inherited, redefined and imported, from inside outwards."""

from __future__ import annotations

import pytest

from keytwin.design.sysml_marks import Marks, shortened
from keytwin.design.sysml_reader import read_sysml
from keytwin.design.sysml_rules import bounds
from keytwin.design.sysml_scope import Scope, descends_from, lineage, reference_after, reference_at
from keytwin.design.sysml_tree import Member, Reference, Span

LIBRARY = """
library package L {
    part def Wheel { attribute size; }
    part def Cart { part front : Wheel; part rear :> front; }
    package Inner { part def Hub; }
    part def <short> 'Long Name';
}
"""
MODEL = """
package M {
    private import L::*;
    public import L::Inner::*;
    import L::Wheel;
    part def Waggon :> Cart { part :>> front { attribute :>> size = 3; } part box; }
    part waggon : Waggon { part :>> box[0..2]; }
    part def Wheel2 :> Wheel;
    connect waggon.front to x ::> waggon.rear;
}
package N { import M::*; part hub : Hub; part cart : Cart; }
"""


def scope() -> Scope:
    return Scope([read_sysml(LIBRARY, "l.sysml"), read_sysml(MODEL, "m.sysml")])


def member(found: Scope, name: str) -> Member:
    return next(each for each in found.members() if name in {each.label, each.name})


def reference(text: str) -> Reference:
    joints = tuple(
        "::" if part == "::" else "." for part in text.replace("::", " :: ").replace(".", " . ").split()[1::2]
    )
    names = tuple(text.replace("::", ".").split("."))
    return Reference(names, Span(0, 1), joints=joints)


@pytest.mark.parametrize(
    ("start", "text", "path"),
    [
        ("waggon", "Waggon", "M::Waggon"),
        ("waggon", "waggon.box", "M::waggon::box"),
        ("waggon", "waggon.rear", "L::Cart::rear"),
        ("waggon", "waggon.front.size", "M::Waggon::front::size"),
        ("waggon", "Wheel", "L::Wheel"),
        ("waggon", "L::Inner::Hub", "L::Inner::Hub"),
        ("waggon", "short", "L::Long Name"),
        ("hub", "Hub", "L::Inner::Hub"),
        ("hub", "Waggon", "M::Waggon"),
    ],
)
def test_a_name_leads_to_its_member(start: str, text: str, path: str) -> None:
    names = scope()
    found = names.resolve(reference(text), member(names, start))
    assert found is not None
    assert found.path() == path


@pytest.mark.parametrize("text", ["Nowhere", "waggon.none", "L::none", "Cart::front::none"])
def test_a_name_that_is_not_there_leads_nowhere(text: str) -> None:
    names = scope()
    assert names.resolve(reference(text), member(names, "waggon")) is None


def test_a_private_import_is_not_seen_from_outside() -> None:
    names = scope()
    assert names.resolve(reference("Cart"), member(names, "hub")) is None
    assert names.resolve(reference("Cart"), member(names, "waggon")) is not None


def test_what_is_redefined_is_what_the_owner_inherits() -> None:
    names = scope()
    waggon = member(names, "waggon")
    (box,) = waggon.members()
    found = names.redefined(box.redefines[0], box)
    assert found is not None
    assert found.path() == "M::Waggon::box"
    assert bounds(names, box) == (0, 2)
    assert bounds(names, waggon) == (None, None)


def test_a_member_descends_from_its_types_and_generals() -> None:
    names = scope()
    waggon = member(names, "waggon")
    assert [each.label for each in lineage(names, waggon)] == ["waggon", "Waggon", "Cart"]
    assert descends_from(names, waggon, member(names, "Cart"))
    assert not descends_from(names, member(names, "Cart"), waggon)


def test_circles_end() -> None:
    text = "part def A :> B; part def B :> A; part a : A; package Q { import R::*; } package R { import Q::*; }"
    names = Scope([read_sysml(text)])
    assert [each.label for each in lineage(names, member(names, "a"))] == ["a", "A", "B"]
    assert names.resolve(reference("none"), member(names, "a")) is None
    assert names.inside(member(names, "Q"), "none") is None


def test_names_behind_words() -> None:
    names = scope()
    joining = next(each for each in names.members() if each.kind == "connect")
    assert str(reference_after(names, joining, "connect")) == "waggon.front"
    assert str(reference_after(names, joining, "to")) == "waggon.rear"
    assert reference_after(names, joining, "by") is None
    assert reference_at(names, joining, Span(joining.span.end - 1, joining.span.end)) is None


def test_multiplicities() -> None:
    text = "part a[*]; part b[3]; part c[1..*]; part d[n]; part e[2..5]; part f;"
    names = Scope([read_sysml(text)])
    found = {each.name: bounds(names, each) for each in names.members()}
    infinite = float("inf")
    assert found == {
        "a": (0, infinite), "b": (3, 3), "c": (1, infinite), "d": (None, None), "e": (2, 5), "f": (None, None)
    }  # fmt: skip


def test_the_marks_of_a_member() -> None:
    text = """package P {
        item def A { @Trace { element = "a"; title = "T"; variants = ("x.y", "z.w"); rules = "r"; } doc /* D */ }
        part a : A { @Meant { element = "other"; } attribute b { @Trace { element = "its own"; } } attribute c; }
        item def B;
    }"""
    marks = Marks([read_sysml(text)])
    (defined,) = marks.of_kind("item def")
    assert marks.common(defined) == {"id": "a", "name": "T", "about": "D", "because": ("x.y", "z.w"), "rules": ("r",)}
    (usage,) = marks.all("part")
    assert marks.meant(usage) == "other"
    assert marks.meant(defined) is None
    assert [marks.called(each) for each in marks.all("attribute")] == ["its own", "c"]
    assert marks.several(usage, "Trace", "rules") == ()
    assert marks.element(usage.typed[0], usage) == "a"


def test_a_reference_may_be_shortened() -> None:
    assert str(shortened(reference("a.b.c"))) == "a.b"
    assert str(shortened(reference("a"))) == "a"
    assert shortened(None) is None
