"""All views of an OVM: a folder with one file for each variant, and `shared.yaml` with what several of them refer to.

Which views there must be, the OVM says: one for each variant, of the kind of its variation point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keytwin.design.fragments import Fragment, Library, Roles, fragment_of, library_of
from keytwin.design.model import (
    ActionKind,
    Block,
    Connector,
    Element,
    Equation,
    Item,
    Model,
    Part,
    PortKind,
)
from keytwin.design.variability import Ovm
from keytwin.design.views import View, ViewKind
from keytwin.files.kinds import names_from
from keytwin.files.library import Source, path_source, view_folders, view_sources
from keytwin.files.nodes import Node, Place, find
from keytwin.files.page import Page, Unread, nearest
from keytwin.files.reader import read_nodes
from keytwin.files.view_elements import elements, shown, structure, subject
from keytwin.files.view_file import SHARED, VIEW
from keytwin.files.view_said import SharedFile, ViewFile
from keytwin.vocabulary.errors import FileMistake, Finding, Mistake
from keytwin.vocabulary.identity import VariantId
from keytwin.vocabulary.machine import TableView

SHARED_FILE: Final = "shared.yaml"
_LOCAL: Final = ("step", "deed", "frame", "message", "lane", "lifeline", "connector", "requirement", "verification")
_LOCAL_TOO: Final = ("equation", "joint state")
_KINDS: Final[Mapping[str, type[Element]]] = {"item": Item, "port kind": PortKind, "block": Block, "part": Part}
_SECTIONS: Final = {ViewKind.ACTIVITY: "activity", ViewKind.SEQUENCE: "sequence", ViewKind.STATE: "state"}


@dataclass(frozen=True, slots=True)
class Shared:
    """What `shared.yaml` says."""

    model: Model
    roles: Roles


def read_library(
    where: str, ovm: Ovm, tables: Mapping[str, TableView], chosen: Collection[VariantId] | None = None
) -> Library:
    """Return the views of an OVM, from the library by name or from a folder; FileMistake with all that is wrong.

    With `chosen`, only of these variants, and of those that may be offered instead of them.
    """
    sources = _sources(where)
    # The shared file is read before all others, whatever its place in the folder: they refer into it.
    first = next((each for each in sources if _stem(each) == "shared"), None)
    if first is None:
        raise Mistake(f"{where} has no {SHARED_FILE}: write there what the views share, and the roles")
    shared = read_shared(first)
    mistakes: list[Finding] = []
    fragments = []
    for each in sources:
        if each is first or not _is_wanted(_stem(each), shared.roles, chosen):
            continue
        try:
            fragments.append(read_view(each, shared, tables, ovm))
        except FileMistake as mistake:
            # Whoever renames something shared breaks many files, and wants to see all of them in one run.
            mistakes += mistake.findings
    mistakes += _missing(where, ovm, {VariantId(_stem(each)) for each in sources})
    if mistakes:
        raise FileMistake(tuple(mistakes))
    order = list(ovm.variants)
    return library_of(ovm.name, shared.roles, shared.model, sorted(fragments, key=lambda one: order.index(one.variant)))


def _is_wanted(name: str, roles: Roles, chosen: Collection[VariantId] | None) -> bool:
    # Protocols and links are read in any case, since synchronisation may offer one instead of another.
    return chosen is None or name in chosen or name.rpartition(".")[0] in {roles.protocol, roles.link}


def read_shared(source: Source) -> Shared:
    """Return what views share; FileMistake when the file is wrong."""
    page = Page(source.file)
    _begin(page, ())
    try:
        file = SHARED.read(read_nodes(source.octets, page), page)
        roles = _roles(file, page)
    except Unread:
        raise page.conclusion() from None
    page.conclude()
    return Shared(Model.of(structure(file)), roles)


def read_view(source: Source, shared: Shared, tables: Mapping[str, TableView], ovm: Ovm) -> Fragment:
    """Return what a variant brings; FileMistake when its file is wrong."""
    page = Page(source.file)
    _begin(page, shared.model)
    page.names["state table"] = names_from(tables)
    try:
        root = read_nodes(source.octets, page)
        file = VIEW.read(root, page)
    except Unread:
        raise page.conclusion() from None
    _check_variant(file, root, page, ovm)
    _check_kind(file, root, page)
    _check_steps(file, root, page)
    # Only what was read without a mistake becomes elements: what follows may rely on every name.
    page.conclude()
    of = subject(file)
    assert of
    view = View(
        id=f"view.{file.variant}", kind=file.kind, title=file.title, subject=of, shown=shown(file), variant=file.variant
    )
    found = fragment_of(elements(file, shared.model.elements, tables), shared.model, view, file.sources)
    _check_ends(found, root, page)
    page.conclude()
    return found


def view_from(source: Source) -> ViewFile:
    """Return what the file of a view says, as far as can be told without its OVM; FileMistake with all that is wrong.

    What it refers to is looked up in `shared.yaml` beside it.
    """
    beside = None if source.folder is None else source.folder / SHARED_FILE
    if beside is None or not beside.is_file():
        told = f"a view refers to what {SHARED_FILE} declares, and none lies beside it"
        raise FileMistake((Finding(told, source.file, suggestion="check it in the folder of the other views"),))
    page = Page(source.file)
    _begin(page, read_shared(path_source(beside, str(beside))).model)
    # The tables of the running half are not known here: whoever draws the view looks them up.
    page.names["state table"] = None
    try:
        root = read_nodes(source.octets, page)
        file = VIEW.read(root, page)
    except Unread:
        raise page.conclusion() from None
    _check_kind(file, root, page)
    _check_steps(file, root, page)
    page.conclude()
    return file


def _sources(where: str) -> tuple[Source, ...]:
    if where in view_folders():
        return view_sources(where)
    folder = Path(where)
    if not folder.is_dir():
        near = nearest(where, view_folders())
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join(view_folders())}, or a folder"
        raise Mistake(f"no views are called {where[:80]!r} ({hint})")
    return tuple(path_source(each, str(each)) for each in sorted(folder.glob("*.yaml")))


def _stem(source: Source) -> str:
    return source.file.replace("\\", "/").rpartition("/")[2].removesuffix(".yaml")


def _missing(where: str, ovm: Ovm, found: set[VariantId]) -> Iterable[Finding]:
    for each in ovm.variants:
        if each not in found:
            yield Finding(f"variant {each} has no view", where, suggestion=f"write {each}.yaml there")


def _begin(page: Page, shared: Iterable[Element]) -> None:
    for each in (*_LOCAL, *_LOCAL_TOO, "element", "state table"):
        page.names[each] = {}
    known = list(shared)
    for name, kind in _KINDS.items():
        page.names[name] = names_from(each.id for each in known if isinstance(each, kind))
    page.names["element"] = names_from(each.id for each in known)


def _roles(file: SharedFile, page: Page) -> Roles:
    said = dict(file.roles)
    ends = said["ends"]
    assert isinstance(ends, tuple)
    # A Several takes any number, so that the record cannot demand two by itself.
    if len(ends) != 2:
        raise page.refusal(Place(page.file), f"'ends' names {len(ends)} parts", "things are sent between two")
    make: type = Roles  # which fields it takes, the record of the roles says
    made = make(**said)
    assert isinstance(made, Roles)
    return made


def _check_variant(file: ViewFile, root: Node, page: Page, ovm: Ovm) -> None:
    place = _place(root, "variant")
    variant = ovm.variants.get(file.variant)
    if variant is None:
        page.report(place, f"the OVM {ovm.name} has no variant {file.variant}", page.hint(file.variant, ovm.variants))
        return
    wanted = ovm.points[variant.point].view
    if file.kind is not wanted:
        said = f"the views of {variant.point} are of kind '{wanted}', so that they can be compared"
        page.report(_place(root, "kind"), f"this view is of kind '{file.kind}'", said)
    # Which files are read at all is decided by their names, so a wrong one might never be looked at.
    if f"{file.variant}.yaml" != page.file.replace("\\", "/").rpartition("/")[2]:
        page.report(place, f"this file is not called {file.variant}.yaml", "the view of a variant bears its name")


def _check_kind(file: ViewFile, root: Node, page: Page) -> None:
    # Activities, sequences and states show what they hold; views of structure say what they show.
    needed = _SECTIONS.get(file.kind)
    for kind, section in _SECTIONS.items():
        if getattr(file, section) is not None and kind is not file.kind:
            page.report(_place(root, section), f"a view of kind '{file.kind}' has no {section}", "a file has one view")
    if needed and getattr(file, needed) is None:
        page.report(_place(root, "kind"), f"a view of kind '{file.kind}' needs the key '{needed}'")
    if not needed and not (file.shows and file.subject):
        page.report(_place(root, "kind"), f"a view of kind '{file.kind}' needs the keys 'subject' and 'shows'")


def _check_steps(file: ViewFile, root: Node, page: Page) -> None:
    acting = {ActionKind.ACTION, ActionKind.SEND, ActionKind.ACCEPT}
    for step in file.activity.steps if file.activity else ():
        if step.kind in acting and step.lane is None:
            page.report(_place(root, "activity", "steps", step.id), f"nobody does the step {step.id!r}", "name a lane")
        if step.kind is ActionKind.DECIDE and not all(each.guard for each in step.then):
            said = "write each as 'abort if the error rate is too high'"
            page.report(_place(root, "activity", "steps", step.id), "a way out of this decision has no guard", said)


def _check_ends(fragment: Fragment, root: Node, page: Page) -> None:
    """See that connectors end at ports that there are, and parameters at properties."""
    model = Model.of(fragment.elements)
    for connector in model.all(Connector):
        for end in (connector.source, connector.target):
            block = model.get(model.get(end.part, Part).block, Block)
            ports = [each.name for one in _line(model, block) for each in one.ports]
            if end.port and end.port not in ports:
                place = _place(root, "connectors", connector.id)
                page.report(place, f"{block.id} has no port {end.port!r}", page.hint(end.port, ports, "it has none"))
    _check_bindings(model, root, page)


def _check_bindings(model: Model, root: Node, page: Page) -> None:
    for equation in model.all(Equation):
        for binding in equation.bindings:
            known = [each.name for one in _line(model, model.get(binding.block, Block)) for each in one.properties]
            place = _place(root, "equations", equation.id)
            if binding.property not in known:
                hint = page.hint(binding.property, known, "it has none")
                page.report(place, f"{binding.block} has no property {binding.property!r}", hint)
            if binding.parameter not in {each.name for each in equation.parameters}:
                page.report(place, f"the equation has no parameter {binding.parameter!r}")


def _line(model: Model, block: Block) -> Iterator[Block]:
    """Give a block and those that it is a special case of: it has their ports and properties too."""
    while True:
        yield block
        # A fragment holds only a piece of the model, in which a general may be missing.
        if block.general is None or block.general not in model:
            return
        block = model.get(block.general, Block)


def _place(root: Node, *keys: str) -> Place:
    found = find(root, *keys)
    assert found is not None
    return found.place
