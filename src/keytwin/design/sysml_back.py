"""What comes back from SysML v2 text that was edited by hand: chosen variants, values, documentation.

A choice says its variation point and variant by their own names, so that no other file is needed to read a
configuration. Values are attributes of the parts of the configured system, as `as configured.alice.clock`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from keytwin.design.sysml_family import KEYWORDS, point_of
from keytwin.design.sysml_rules import choice_of
from keytwin.design.sysml_scope import Scope
from keytwin.design.sysml_text import unescaped
from keytwin.design.sysml_tokens import Kind, Source
from keytwin.design.sysml_tree import Document, Member, Span
from keytwin.design.sysml_units import plain_unit
from keytwin.design.variability import Configuration, Ovm
from keytwin.vocabulary.errors import FileMistake, Finding
from keytwin.vocabulary.identity import VariantId

_CHOOSING: Final = frozenset(KEYWORDS.values())


@dataclass(frozen=True, slots=True)
class Chosen:
    """A variant, and where it is chosen."""

    variant: VariantId
    member: Member
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class SetValue:
    """A value as a user of keytwin writes it, and where it stands."""

    path: str
    """Of names, from the member that holds the system down: `configured.alice.clock`."""
    value: str
    """`20 km`; of an expression that is no plain value, its text."""
    member: Member
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Documented:
    """Documentation of a member."""

    path: str
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a configuration file holds."""

    file: str
    ovm: str
    """Empty when no configuration is there."""
    chosen: tuple[Chosen, ...]
    values: tuple[SetValue, ...]
    docs: tuple[Documented, ...]

    @property
    def configuration(self) -> Configuration:
        """The variants that are chosen, as a configuration."""
        return Configuration(self.ovm, tuple(sorted({each.variant for each in self.chosen})))

    def value(self, path: str) -> str | None:
        """Return a value; None when there is none."""
        return next((each.value for each in self.values if each.path == path), None)


def read_back(document: Document) -> ReadBack:
    """Return what the configuration in a text says."""
    scope = Scope([document])
    held = configuration_of(document)
    chosen = tuple(_chosen(scope, held)) if held is not None else ()
    ovm = _metadata_value(document.source, held, "Configured", "ovm") if held is not None else ""
    # What is set inside the configuration is a choice; values belong to the system beside it.
    settings = [each for each in _set_members(document) if held is None or not _lies_in(each, held)]
    values = tuple(_set_value(document.source, each) for each in settings)
    return ReadBack(document.source.file, ovm, chosen, values, tuple(_docs(document)))


def configuration_of(document: Document) -> Member | None:
    """Return the member that decides a variability model: the one that says so by its metadata."""
    for member in document.root.all():
        for each in member.members():
            if each.kind == "metadata" and each.target is not None and each.target.names[-1] == "Configured":
                return member
    return None


def checked_configuration(back: ReadBack, ovm: Ovm) -> Configuration:
    """Return the configuration; FileMistake for variants that the model does not have, with their places."""
    findings = tuple(_unknown(back, each, ovm) for each in back.chosen if each.variant not in ovm.variants)
    if findings:
        raise FileMistake(findings)
    return back.configuration


def _unknown(back: ReadBack, each: Chosen, ovm: Ovm) -> Finding:
    near = get_close_matches(each.variant, [str(known) for known in ovm.variants], 1)
    hint = f"did you mean {near[0]}?" if near else f"keytwin ovm show {ovm.name} lists them"
    what = f"{ovm.name} has no variant {each.variant}"
    return Finding(what, back.file, each.line, each.column, str(each.variant), hint)


def _chosen(scope: Scope, held: Member) -> Iterator[Chosen]:
    source = scope.document_of(held).source
    for member in held.all():
        if member is held or member.kind.rpartition(" ")[2] not in _CHOOSING:
            continue
        reference = choice_of(scope, member)
        if reference is not None:
            usage, variant = reference.names
            line, column = source.place(reference.span.end - 1)
            yield Chosen(VariantId(f"{point_of(usage)}.{variant}"), member, line, column)


def _lies_in(member: Member, held: Member) -> bool:
    each: Member | None = member
    while each is not None and each is not held:
        each = each.owner
    return each is held


def _set_members(document: Document) -> Iterator[Member]:
    for member in document.root.all():
        # A value that is set redefines what the definition declares; without that it is a new attribute.
        is_set = member.kind == "attribute" and member.value is not None and bool(member.redefines)
        if is_set and all(each.kind != "metadata" for each in _owners(member)):
            yield member


def _owners(member: Member) -> Iterator[Member]:
    each = member.owner
    while each is not None:
        yield each
        each = each.owner


def _set_value(source: Source, member: Member) -> SetValue:
    assert member.value is not None
    line, column = source.place(member.value.first)
    return SetValue(path_of(member), plain_value(source, member.value), member, line, column)


def path_of(member: Member) -> str:
    """Return the names from below the package down to a member, with dots between."""
    names = [member.label]
    # Packages are left out: an edit may move the system to another one without changing what it is.
    names += [each.label for each in _owners(member) if each.owner is not None and "package" not in each.kind]
    return ".".join(reversed(names))


def plain_value(source: Source, value: Span) -> str:
    """Return a value as keytwin's own files write it: `20 [km]` is "20 km"; what is no plain value stays as it is."""
    words, kinds = source.words, source.kinds
    first, end = value.first, value.end
    if end - first == 1 and kinds[first] is Kind.STRING:
        return unescaped(words[first][1:-1])
    sign = "-" if words[first] == "-" else ""
    # The sign is a token of its own, as the notation has no negative literals.
    at = first + len(sign)
    is_measured = end - at == 4 and words[at + 1] == "[" and source.is_name(at + 2) and words[at + 3] == "]"
    if kinds[at] is Kind.NUMBER and is_measured:
        return f"{sign}{words[at]} {plain_unit(source.name(at + 2))}".strip()
    if kinds[at] is Kind.NUMBER and end - at == 1:
        return f"{sign}{words[at]}"
    return source.span(first, end)


def _docs(document: Document) -> Iterator[Documented]:
    for member in document.root.all():
        for each in member.members():
            if each.kind == "doc":
                line, column = document.source.place(each.span.first)
                yield Documented(path_of(member) if member.label else "", each.text, line, column)


def _metadata_value(source: Source, member: Member, name: str, key: str) -> str:
    """Return a text that metadata on a member gives."""
    for each in member.members():
        if each.kind == "metadata" and each.target is not None and each.target.names[-1] == name:
            for inner in each.members():
                if inner.label == key and inner.value is not None:
                    return plain_value(source, inner.value)
    return ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that one text says otherwise than another."""

    about: str
    """`choice`, `value` or `documentation`."""
    path: str
    before: str
    after: str
    line: int
    column: int
    """In the text that says `after`; 0 when it says nothing."""


def differences(before: ReadBack, after: ReadBack) -> tuple[Difference, ...]:
    """Return what the second says otherwise than the first: choices, then values, then documentation."""
    return (*_choices_differ(before, after), *_values_differ(before, after), *_docs_differ(before, after))


def _choices_differ(before: ReadBack, after: ReadBack) -> Iterator[Difference]:
    old, new = ({each.variant: each for each in back.chosen} for back in (before, after))
    for variant in sorted(old.keys() - new.keys()):
        yield Difference("choice", variant, variant, "", 0, 0)
    for variant in sorted(new.keys() - old.keys()):
        yield Difference("choice", variant, "", variant, new[variant].line, new[variant].column)


def _values_differ(before: ReadBack, after: ReadBack) -> Iterator[Difference]:
    new = {each.path: each for each in after.values}
    for each in before.values:
        # What remains afterwards is what only the second text says.
        found = new.pop(each.path, None)
        if found is None:
            yield Difference("value", each.path, each.value, "", 0, 0)
        elif found.value != each.value:
            yield Difference("value", each.path, each.value, found.value, found.line, found.column)
    for each in new.values():
        yield Difference("value", each.path, "", each.value, each.line, each.column)


def _docs_differ(before: ReadBack, after: ReadBack) -> Iterator[Difference]:
    known = {(each.path, each.text) for each in before.docs}
    kept = {(each.path, each.text) for each in after.docs}
    for each in before.docs:
        if (each.path, each.text) not in kept:
            yield Difference("documentation", each.path, each.text, "", 0, 0)
    for each in after.docs:
        if (each.path, each.text) not in known:
            yield Difference("documentation", each.path, "", each.text, each.line, each.column)


def joined(documents: Iterable[ReadBack]) -> ReadBack:
    """Return several files as one: that of the configuration gives its name."""
    backs = list(documents)
    # Only the file with the configuration says a model; without one, any name will do for messages.
    main = next((each for each in backs if each.ovm), backs[0])
    return ReadBack(
        main.file,
        main.ovm,
        tuple(each for back in backs for each in back.chosen),
        tuple(each for back in backs for each in back.values),
        tuple(each for back in backs for each in back.docs),
    )
