"""From an OVM file to the OVM it describes, with what it extends: paper A, III, as data that anyone can add to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Final

from keytwin.design.variability import (
    Attribute,
    Bond,
    Choice,
    Dependency,
    Ovm,
    Variant,
    VariationPoint,
    ovm_of,
)
from keytwin.files.library import Source, ovm_source
from keytwin.files.nodes import Entry, ListNode, MapNode, Node, Place, TextNode, find, is_empty, merged, place_of
from keytwin.files.ovm_file import (
    ANY_NUMBER,
    CHOICE,
    OPENER,
    OVM,
    QUANTITY_OF,
    DependencyFile,
    PointFile,
    VariantFile,
)
from keytwin.files.page import Declared, Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.identity import VariantId, VariationPointId

DEEPEST: Final = 8
"""Files that extend one another."""
_OWN: Final = ("format", "name", "about", "extends")
"""Keys that a file says for itself, whatever it extends."""


@cache
def library_ovm(wanted: str) -> Ovm:
    """Return an OVM of the library, read once."""
    return read_ovm(wanted)


def read_ovm(where: str) -> Ovm:
    """Return an OVM, by name in the library or by path; Mistake when there is none, FileMistake when wrong."""
    return ovm_from(ovm_source(where))


def ovm_from(source: Source) -> Ovm:
    """Return the OVM that a file describes; FileMistake with all that is wrong in it and in what it extends."""
    page = Page(source.file)
    try:
        root = _extended(read_nodes(source.octets, page), source, page, (source.file,))
        return _ovm_of(root, page)
    except Unread:
        raise page.conclusion() from None


# --- what it extends ------------------------------------------------------------------------------------------------


def _extended(root: Node, source: Source, page: Page, above: tuple[str, ...]) -> Node:
    """Lay a file on the one that it extends: its keys win, its dependencies come after."""
    named = find(root, "extends")
    if not isinstance(named, TextNode) or is_empty(named):
        return root
    try:
        found = ovm_source(named.text, source.folder)
    except FileMistake as mistake:
        raise page.refusal(named.place, str(mistake)) from None
    except Mistake as mistake:
        raise page.refusal(named.place, str(mistake)) from None
    if found.file in above:
        raise page.refusal(
            named.place, f"{named.text!r} is extended by itself: {' extends '.join((*above, found.file))}"
        )
    if len(above) >= DEEPEST:
        raise page.refusal(named.place, f"more than {DEEPEST} files extend one another")
    page.folders[found.file] = found.folder
    inner = Page(found.file, folders=page.folders)
    try:
        base = read_nodes(found.octets, inner)
    finally:
        page.mistakes.extend(inner.mistakes)
    return _laid(_extended(base, found, page, (*above, found.file)), root)


def _laid(base: Node, over: Node) -> Node:
    if not isinstance(base, MapNode) or not isinstance(over, MapNode):
        return over
    kept = MapNode(over.place, {key: entry for key, entry in base.entries.items() if key not in _OWN})
    joined = merged(kept, over)
    assert isinstance(joined, MapNode)
    lists = [each for each in (find(base, "dependencies"), find(over, "dependencies")) if isinstance(each, ListNode)]
    if len(lists) < 2:
        return joined
    items = tuple(item for each in lists for item in each.items)
    key = joined.entries["dependencies"].key
    return MapNode(joined.place, {**joined.entries, "dependencies": Entry(key, ListNode(lists[-1].place, items))})


# --- names, before anything refers to them --------------------------------------------------------------------------


def _declare(root: Node, page: Page) -> None:
    """Let every name of the file be referred to, wherever it stands in it."""
    page.names.update({CHOICE: {}, OPENER: {}, QUANTITY_OF: {}})
    for point in _entries(find(root, "variation_points")):
        page.declare(CHOICE, point.key.text, Declared(point.key.text, point.key.place))
        for variant in _entries(find(point.value, "variants")):
            full = f"{point.key.text}.{variant.key.text}"
            page.declare(CHOICE, full, Declared(full, variant.key.place))
            page.declare(OPENER, full, Declared(full, variant.key.place))
    for attribute in _entries(find(root, "attributes")):
        quantity = find(attribute.value, "quantity")
        meant = quantity.text if isinstance(quantity, TextNode) else ""
        page.declare(QUANTITY_OF, attribute.key.text, Declared(meant, attribute.key.place))


def _entries(node: Node | None) -> Iterator[Entry]:
    yield from node.entries.values() if isinstance(node, MapNode) else ()


# --- what it means --------------------------------------------------------------------------------------------------


def _ovm_of(root: Node, page: Page) -> Ovm:
    _declare(root, page)
    file = OVM.read(root, page)
    for point in file.points:
        _check_range(point, place_of(root, "variation_points", point.id), page)
    _check_dependencies(root, page)
    if page.mistakes:  # what could not be read would be missed below
        raise Unread
    ordered = _ordered(file.points, lambda point: place_of(root, "variation_points", point.id), page)
    quantities = {each.id: each.quantity for each in file.attributes}
    return ovm_of(
        file.name,
        file.about,
        tuple(_point(each) for each in ordered),
        tuple(_variant(each, point, quantities) for point in ordered for each in point.variants),
        tuple(_dependency(each) for each in file.dependencies),
    )


def _check_range(point: PointFile, place: Place, page: Page) -> None:
    there, fixed = len(point.variants), sum(each.mandatory for each in point.variants)
    least, most = point.choose.least, there if point.choose.most == ANY_NUMBER else point.choose.most
    if max(least, most) > there > 0:
        page.report(place, f"{point.id} has {there} variants, of which {max(least, most)} cannot be chosen")
    if fixed > most:
        page.report(place, f"{point.id} has {fixed} mandatory variants, but at most {most} may be chosen")


def _check_dependencies(root: Node, page: Page) -> None:
    listed = find(root, "dependencies")
    items = listed.items if isinstance(listed, ListNode) else ()
    for item in items:
        said = [key for key in ("requires", "excludes") if not is_empty(find(item, key) or TextNode(item.place, ""))]
        if isinstance(item, MapNode) and len(said) != 1:
            found = "both are given" if said else "neither is given"
            page.report(item.place, f"a dependency says 'requires' or 'excludes': {found}", "make it one, or two items")


def _ordered(points: tuple[PointFile, ...], place: Callable[[PointFile], Place], page: Page) -> list[PointFile]:
    """Sort variation points so that each comes after what opens it, else in the order of the file."""
    done: set[str] = set()
    ordered: list[PointFile] = []
    waiting = list(points)
    while waiting:
        ready = [each for each in waiting if not each.opened_by or each.opened_by.partition(".")[0] in done]
        if not ready:
            for each in waiting:
                page.report(place(each), f"{each.id} is opened by a variant that only {each.id} itself makes possible")
            raise Unread
        ordered.append(ready[0])
        done.add(ready[0].id)
        waiting.remove(ready[0])
    return ordered


def _point(file: PointFile) -> VariationPoint:
    return VariationPoint(
        id=VariationPointId(file.id),
        name=file.name or file.id,
        about=file.about,
        parent=VariantId(file.opened_by) if file.opened_by else None,
        is_mandatory=file.mandatory,
        least=file.choose.least,
        most=len(file.variants) if file.choose.most == ANY_NUMBER else file.choose.most,
        view=file.view,
        is_domain_specific=file.domain_specific,
        abstracts=file.abstracts,
    )


def _variant(file: VariantFile, point: PointFile, quantities: dict[str, str]) -> Variant:
    figures = (Attribute(key, quantities[key], each.value, each.source) for key, each in file.attributes.items())
    return Variant(
        id=VariantId(f"{point.id}.{file.id}"),
        name=file.name or file.id,
        point=VariationPointId(point.id),
        about=file.about,
        is_mandatory=file.mandatory,
        attributes=tuple(figures),
        sources=file.sources,
        runs_as=file.runs_as,
    )


def _dependency(file: DependencyFile) -> Dependency:
    bond = Bond.REQUIRES if file.requires else Bond.EXCLUDES
    return Dependency(
        bond=bond,
        source=_choice(file.source),
        targets=tuple(_choices(file.requires or file.excludes)),
        reason=file.reason.strip().rstrip("."),
        sources=file.sources,
    )


def _choice(name: str) -> Choice:
    return VariantId(name) if "." in name else VariationPointId(name)


def _choices(names: Iterable[str]) -> Iterator[Choice]:
    return (_choice(each) for each in names)
