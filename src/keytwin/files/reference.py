"""The reference page of the files' keys, made of the declarations that the readers follow.

`python -m keytwin.files.reference > docs/reference/files.md` writes the page anew; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from keytwin.design.need import MEASURES
from keytwin.files.apps import Saes
from keytwin.files.cost_book import COST_BOOK
from keytwin.files.device import Measured, Parameters, device_record
from keytwin.files.kinds import (
    ANGLE,
    ATTENUATION,
    BITS,
    DURATION,
    FREQUENCY,
    LENGTH,
    LOSS,
    NUMBER,
    POWER,
    RADIANCE,
    RATE,
    SHARE,
    TURBULENCE,
    WAVELENGTH,
    WIDTH,
    Choice,
    Kind,
    Reference,
    Scalar,
    name_schema,
)
from keytwin.files.knowledge import KNOWLEDGE, Fixed
from keytwin.files.known import BROUGHT
from keytwin.files.links import LINK_VALUES, DeviceReference, LinkReference, Links
from keytwin.files.media import Medium
from keytwin.files.need_file import CASE, LINE, Choices, Devices, Lines, Pair, Pass
from keytwin.files.network_file import NETWORK, OVERRIDES
from keytwin.files.ovm_file import OVM, Figures, OneOrMore
from keytwin.files.scenario_file import ACTIONS, FAULT, SCENARIO, Disturbance, Element, Overrides, Sole, Steps
from keytwin.files.selection_file import SELECTION, Chosen
from keytwin.files.shapes import NO_DEFAULT, Entries, Field, FormatOne, Items, Record, default_of
from keytwin.files.view_file import VIEW
from keytwin.files.view_shapes import Additions, EndText, FlowText, Handed, Listed, Named, NextStep, PortText, Several
from keytwin.files.view_structure import ADDED, AddedTo, BindingText, Most, Valued
from keytwin.vocabulary.device import Device

_HEAD: Final = """\
# Files

What may stand in a network, scenario, device, need, selection, cost book, OVM, knowledge and view file. This page is
generated from what the readers follow, and a test holds it to that; `keytwin check FILE` finds every mistake of a file,
and `keytwin schema KIND` prints a JSON Schema for your editor. Files are YAML in UTF-8, without anchors, aliases, tags
and merge keys. A key that is left out or left empty takes its default.

"""
_DEVICE: Final = """\
A device is a pair of QKD modules. `keytwin examples empirical-black-box > mydev.yaml` writes one to begin with; in a
network, `device: mydev.yaml` names it by its path from the file that says so. Give it a `name` of its own: the network
knows it by that. Each parameter is a mapping of `value` and `source`, which says where the number comes from.
"""
_OVM: Final = """\
What may vary in an architecture, and what goes with what: paper A's orthogonal variability model. A file may extend
another one: it is laid over that, so that it adds variants to variation points that are there, and its dependencies
come after. A variant is named with its variation point before it, as in `medium.satellite`. `keytwin ovm show FILE`
draws it.
"""
_KNOWLEDGE: Final = """\
What is known before anything is grouped: findings with their sources, and candidates that say which aspects they fix.
`keytwin ovm group FILE` proposes variation points for them.
"""
_NEED: Final = """\
What a stakeholder needs, and what there is to meet it. [How to write one](../howto/write-a-need.md) tells it step by
step; [the cases](cases.md) are complete ones. `keytwin examples hospital > need.yaml` writes one to begin with.
"""
_MEASURES: Final = """\
A need is compared in the quantity of its `measure`, and with `at-least` or `at-most` as the measure says. *between*
says whether it may name pairs of sites; else it is about the whole.
"""
_SELECTION: Final = """\
Which variants of an OVM are chosen. `keytwin views --select FILE` draws the architecture that they become.
"""
_COSTS: Final = """\
Prices as ranges, each with its source: assumptions, and no offers. `keytwin examples assumed > costs.yaml` writes a
book to begin with.
"""
_VIEW: Final = """\
What one variant brings to an architecture: one file a variant, called after it. What several of them refer to stands in
`shared.yaml` beside them.
"""
_LINKS: Final = """\
An item of `links` is `- a -- b`, `- a -- b/name` for one of several parallel links, or `- a -- b: {length: 12 km}` with
values of its own. What it does not say comes from `defaults.link`. It needs a device, and a `length` or a `total_loss`
unless the device is empirical, because the figures of a black box hold the loss already, or the medium is `satellite`,
because that loss changes during a pass. `fibre`, `free-space` and `satellite` may be said with the medium of that name;
under `defaults.link` each of them holds for the links of its medium, and a link's own values are laid over it.
"""
_OF_MEDIA: Final = (WIDTH, WAVELENGTH, ANGLE, POWER, RADIANCE, TURBULENCE)
_QUANTITIES: Final = (DURATION, BITS, RATE, LENGTH, LOSS, ATTENUATION, FREQUENCY, SHARE, NUMBER, *_OF_MEDIA)
_VALUES: Final[Mapping[type, str]] = MappingProxyType(
    {
        FormatOne: "`1`",
        Element: "`km/NODE`, `link/A -- B`, `access`, `xor-point` where keys are relayed by it, `admission`, "
        "`routing`, `monitoring` or `controller`; the last four with `/NODE` where control is per node",
        DeviceReference: "a device's name, or the path of a device file",
        LinkReference: "a link, named from either end",
        Parameters: "a mapping, below",
        Saes: "`{APP-A: NODE, APP-B: NODE}`",
        Figures: "each attribute's name, and under it `{value: ..., source: ...}`",
        Fixed: "each aspect's name, and under it a text",
        OneOrMore: "a variant or variation point, or a list of them",
        Pass: "[the passes of a satellite](#the-passes-of-a-satellite)",
        Pair: "`a -- b`",
        Choices: "each variation point's name, and under it a variant or a list of them, without the point before it",
        Chosen: "each variation point's name, and under it a variant or a list of them, without the point before it",
        Devices: "each variant's name, and under it a device",
        NextStep: "`STEP` or `STEP if GUARD`",
        Handed: "`ITEM to STEP`",
        PortText: "`PORT-KIND` or `~PORT-KIND`",
        FlowText: "`ITEM in`, `ITEM out` or `ITEM inout`",
        EndText: "`PART` or `PART / PORT`",
        BindingText: "`BLOCK / PROPERTY`",
        Most: "a whole number, or `any`",
    }
)
"""Of kinds that do not say themselves what they take."""


class Described(Protocol):
    """What the page tells of a record, whatever is made of it."""

    @property
    def what(self) -> str:
        """What it describes, such as "a link"."""
        ...

    @property
    def make(self) -> Callable[..., object]:
        """What holds the defaults."""
        ...

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its keys."""
        ...


def page() -> str:
    """Return the page."""
    seen: set[str] = set()
    parts = [
        _HEAD,
        *_sections(NETWORK, "Network", seen),
        *_sections(SCENARIO, "Scenario", seen),
        *_devices(),
        *_described(CASE, "Need", _NEED, seen),
        *_measures(),
        *_described(SELECTION, "Selection", _SELECTION, seen),
        *_described(COST_BOOK, "Cost book", _COSTS, seen),
        *_described(OVM, "OVM", _OVM, seen),
        *_described(KNOWLEDGE, "Knowledge base", _KNOWLEDGE, seen),
        *_described(VIEW, "View", _VIEW, seen),
        *_quantities(),
    ]
    return "\n".join(parts).replace("\n\n\n", "\n\n")


def _sections(record: Described, title: str, seen: set[str]) -> Iterator[str]:
    """Give the table of a record, and those of the records in it that have not been there yet."""
    level = "##" if title else "###"
    yield f"{level} {title or _heading(record)}\n"
    if record is LINK_VALUES:
        yield _LINKS
    yield keys_of(record)
    for field in record.fields:
        if isinstance(field.kind, Items) and isinstance(field.kind.item, Steps):
            yield from _actions(seen)
        inner = _inner(field.kind)
        if inner is not None and inner.what not in seen:
            seen.add(inner.what)
            yield from _sections(inner, "", seen)


def _actions(seen: set[str]) -> Iterator[str]:
    yield "### A step\n"
    yield "An item of `timeline` has `at`, a time from the start of the run, and one of these actions.\n"
    rows = (
        (f"`{key}`", _value(kind), (made.__doc__ or "").partition("\n")[0]) for key, (made, kind) in ACTIONS.items()
    )
    yield markdown_table(("action", "value", "meaning"), rows)
    for _, kind in ACTIONS.values():
        inner = _inner(kind)
        if inner is not None:
            seen.add(inner.what)
            yield from _sections(inner, "", seen)


def _devices() -> Iterator[str]:
    yield "## Device\n"
    yield _DEVICE
    record = device_record(None)
    yield keys_of(record)
    for protocol, device in BROUGHT.protocols.items():
        yield f"### Parameters of protocol `{protocol}`\n"
        rows = ((f"`{name}`", value, "yes" if required else "no") for name, value, required in parameters_of(device))
        yield markdown_table(("parameter", "value", "required"), rows)


def _measures() -> Iterator[str]:
    yield "### Measures\n"
    yield _MEASURES
    rows = (
        (f"`{each.name}`", each.quantity, f"`{each.sense}`", "yes" if each.is_of_pairs else "no", each.about)
        for each in MEASURES.values()
    )
    yield markdown_table(("measure", "quantity", "threshold", "between", "meaning"), rows)


def parameters_of(device: type[Device]) -> Iterator[tuple[str, str, bool]]:
    """Give name, kind of value, and whether it is required, of each parameter of a type of device."""
    for each in Parameters(device).record().fields:
        yield each.name, _parameter(each), each.required


def keys_of(record: Described) -> str:
    """Return the table of what may stand in a record."""
    return markdown_table(("key", "value", "default", "meaning"), (_row(field, record) for field in record.fields))


def _described(record: Described, title: str, about: str, seen: set[str]) -> Iterator[str]:
    """Give the tables of a kind of file, with some words before them."""
    heading, *rest = _sections(record, title, seen)
    yield heading
    yield about
    yield from rest


def _quantities() -> Iterator[str]:
    yield "## Quantities\n"
    yield "A number and its unit, with or without a space between them, such as `20 km`.\n"
    rows = ((kind.what, ", ".join(f"`{unit}`" if unit else "none" for unit in kind.units)) for kind in _QUANTITIES)
    yield markdown_table(("quantity", "units"), rows)


# --- what a key takes -----------------------------------------------------------------------------------------------


def _row(field: Field, record: Described) -> tuple[str, ...]:
    default = default_of(record.make, field.target)
    written = "" if default in (NO_DEFAULT, None) else field.kind.write(default)
    shown = f"`{written}`" if isinstance(written, str) and written else ""
    return f"`{field.name}`", _value(field.kind), "**required**" if field.required else shown, field.doc


def _value(kind: Kind[object]) -> str:
    inner = _inner(kind)
    match kind:
        case Items(item=Steps()):
            return "a list of [steps](#a-step)"
        case Items(what=what):
            return f"{what}: each is [{inner.what}]({_anchor(inner)})" if inner else what
        case Entries(kind=declared) if inner is not None:
            return f"each {declared}'s name, and under it [{inner.what}]({_anchor(inner)})"
        case Overrides():
            return ", ".join(f"`{field.name}`" for field in OVERRIDES) + " as in a [network](#network)"
        case Sole():
            return _value(kind.kind)
        case _:
            linked = f"[{inner.what}]({_anchor(inner)})" if inner else ""
            return _of_lists(kind) or linked or _plain_value(kind)


def _of_lists(kind: Kind[object]) -> str:
    """Return what lists of their own form take, most of them of views; nothing for others."""
    match kind:
        case Links():
            return "a list of [links](#a-link)"
        case Lines():
            return "a list of [lines](#a-line), each `- a -- b` or `- a -- b/name` with what is said of it"
        case Additions(kind=declared, record=record):
            return f"each {declared}'s name, and under it [{record.what}]({_anchor(record)})"
        case AddedTo():
            return f"each block's name, and under it [{ADDED.what}]({_anchor(ADDED)})"
        case Several(item=item):
            return f"{_value(item)}, or a list of such"
        case Named(value=value):
            return f"names, and under each {_value(value)}"
        case Listed(kind=named):
            return f"a list of names of each {named}"
        case _:
            return ""


def _plain_value(kind: Kind[object]) -> str:
    if type(kind) in _VALUES:
        return _VALUES[type(kind)]
    match kind:
        case Scalar(described=described) if described == name_schema():
            return "a name"
        case Scalar(what=what, bounds=bounds):
            return f"{what}, {bounds}" if bounds else what
        case Choice(words=words):
            return ", ".join(f"`{word}`" for word in words)
        case Reference(what=what):
            return f"the {what}'s name"
        case _:
            raise AssertionError(kind)


def _parameter(field: Field) -> str:
    assert isinstance(field.kind, Record)
    assert field.kind.make is Measured
    return _value(field.kind.fields[0].kind)


def _inner(kind: Kind[object]) -> Described | None:
    """Return the record that a kind consists of."""
    match kind:
        case Record():
            return kind
        case Items(item=Record() as item):
            return item
        case Entries(record=record) | Medium(record=record):
            return record
        case Links():
            return LINK_VALUES
        case Lines():
            return LINE
        case Additions(record=record) | Valued(record=record):
            return record
        case Named(value=value) | Several(item=value):
            return _inner(value)
        case AddedTo():
            return ADDED
        case Disturbance():
            return FAULT
        case _:
            return None


def _heading(record: Described) -> str:
    return record.what[0].upper() + record.what[1:]


def _anchor(record: Described) -> str:
    return f"#{record.what.lower().replace(' ', '-')}"


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines).replace("|  |", "| |")


if __name__ == "__main__":
    sys.stdout.write(page())
