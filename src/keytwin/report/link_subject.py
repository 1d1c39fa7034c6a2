"""Which link is asked about: one of a network, or a device over a length or loss of one's own; and what is set anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from keytwin.files.device import Parameters
from keytwin.files.kinds import BEARABLE_LOSS, FIBRE_LOSS, GROUND_LENGTH, Choice, Kind
from keytwin.files.links import reversed_link
from keytwin.files.media import SETTINGS
from keytwin.files.nodes import Place, TextNode
from keytwin.files.page import Page, nearest
from keytwin.files.shapes import Record
from keytwin.network import Plugins, model_of, protocol_of
from keytwin.quantum.channel import Channel, channel_of
from keytwin.quantum.link import LinkModel, QkdProtocol
from keytwin.scenario.load import inspect
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import LinkId, parse_link
from keytwin.vocabulary.medium import SATELLITE
from keytwin.vocabulary.timeline import Scenario
from keytwin.vocabulary.topology import QLink, Topology

ALONE: Final = LinkId("alice--bob")
"""The link of a device that no network holds."""
BLACK_BOX: Final = "empirical"
_MEDIUM: Final = "medium"
_FIRST: Final = (_MEDIUM, "length")  # what the other settings depend on, or undo


@dataclass(frozen=True, slots=True)
class Subject:
    """One link and the modules at its ends."""

    device: Device
    link: QLink
    plugins: Plugins | None = None

    @property
    def channel(self) -> Channel:
        """What lies between the modules."""
        return channel_of(self.link)

    @property
    def protocol(self) -> QkdProtocol:
        """The protocol of the modules; Mistake when nobody brings it."""
        return protocol_of(self.device, self.plugins)

    def model(self) -> LinkModel:
        """Return the physics; Mistake, with the physical reason, when the link gives no key."""
        alone = Blueprint(name="", topology=Topology((), (self.link,)), devices={self.link.device: self.device})
        return model_of(alone, self.link, self.plugins)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number or word of a link that may be set."""

    kind: Kind[object]
    put: Callable[[Subject, object], Subject]


def subjects(
    what: str,
    link: str | None = None,
    settings: Mapping[str, str] | None = None,
    plugins: Plugins | None = None,
    *,
    is_placed: bool = True,
) -> tuple[Subject, ...]:
    """Return the links of a network or scenario, or only `link` of it, or a device alone, with `settings` laid over.

    `what` is a name of the library or a path. Mistake when something is not there, or a setting is none; also when
    nobody said what lies between the modules of a device, unless it need not be placed.
    """
    found = inspect(what, plugins).value
    if isinstance(found, Device):
        if link is not None:
            raise Mistake(f"{what} describes a device, which has no link {link!r}: name a network before the link")
        alone = changed(Subject(found, QLink(ALONE, found.name), plugins), settings or {})
        return (_placed(alone, settings or {}) if is_placed else alone,)
    if not isinstance(found, Blueprint | Scenario):
        raise Mistake(f"{what} describes neither links nor a device: name a network, scenario or device")
    blueprint = found.blueprint if isinstance(found, Scenario) else found
    chosen = blueprint.topology.links if link is None else (_chosen(blueprint, link),)
    return tuple(changed(Subject(blueprint.devices[each.device], each, plugins), settings or {}) for each in chosen)


def changed(subject: Subject, settings: Mapping[str, str]) -> Subject:
    """Return the link with other values, each written as in a file; Mistake with the nearest key, or the unit."""
    ordered = sorted(settings, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    for key in ordered:
        known = settable(subject)
        if key not in known:
            raise Mistake(_not_known(key, subject, known))
        subject = known[key].put(subject, _read(known[key].kind, key, settings[key]))
    return subject


def settable(subject: Subject) -> dict[str, Parameter]:
    """Return what may be set on a link: its channel, its medium (also as `fibre.power`), and its device, by key.

    Where a parameter of the device has the name of one of the medium, the short key means the device.
    """
    medium = dict(_of_medium(subject.link.medium))
    prefixed = {f"{subject.link.medium}.{key}": parameter for key, parameter in medium.items()}
    return {**_CHANNEL, **medium, **prefixed, **dict(_of_device(type(subject.device)))}


# --- what may be set ------------------------------------------------------------------------------------------------


def _of_device(device: type[Device]) -> Iterator[tuple[str, Parameter]]:
    for field in Parameters(device).record().fields:
        assert isinstance(field.kind, Record)
        yield field.name, Parameter(field.kind.fields[0].kind, _device_put(field.name))


def _device_put(name: str) -> Callable[[Subject, object], Subject]:
    def put(subject: Subject, value: object) -> Subject:
        make: Callable[..., Device] = dataclasses.replace  # which fields there are, no type says
        return dataclasses.replace(subject, device=make(subject.device, **{name: value}))

    return put


def _of_medium(medium: str) -> Iterator[tuple[str, Parameter]]:
    if medium in SETTINGS:
        for field in SETTINGS[medium].record.fields:
            yield field.name, Parameter(field.kind, _medium_put(field.target))


def _medium_put(name: str) -> Callable[[Subject, object], Subject]:
    def put(subject: Subject, value: object) -> Subject:
        setting = subject.link.setting or SETTINGS[subject.link.medium].make()
        return _with_link(subject, setting=msgspec.structs.replace(setting, **{name: value}))

    return put


def _link_put(name: str, **further: object) -> Callable[[Subject, object], Subject]:
    def put(subject: Subject, value: object) -> Subject:
        return _with_link(subject, **{name: value}, **further)

    return put


def _with_link(subject: Subject, **values: object) -> Subject:
    return dataclasses.replace(subject, link=msgspec.structs.replace(subject.link, **values))


_CHANNEL: Final[Mapping[str, Parameter]] = {
    _MEDIUM: Parameter(Choice("medium", {name: name for name in SETTINGS}), _link_put(_MEDIUM, setting=None)),
    "length": Parameter(GROUND_LENGTH, _link_put("length", total_loss=None)),  # the measured loss was of the old one
    "loss": Parameter(BEARABLE_LOSS, _link_put("total_loss")),
    "attenuation": Parameter(FIBRE_LOSS, _link_put("attenuation")),
}


# --- looking up -----------------------------------------------------------------------------------------------------


def _chosen(blueprint: Blueprint, written: str) -> QLink:
    wanted = parse_link(written)
    for link in blueprint.topology.links:
        if wanted in {link.id, reversed_link(link.id)}:
            return link
    names = [str(link.id) for link in blueprint.topology.links]
    near = nearest(wanted, names)
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(names[:12])}"
    raise Mistake(f"network {blueprint.name} has no link {wanted!r} ({hint})")


def _placed(subject: Subject, settings: Mapping[str, str]) -> Subject:
    """Refuse a device of which nobody said how much light is lost on the way."""
    needs_none = subject.device.protocol == BLACK_BOX or subject.link.medium == SATELLITE
    if needs_none or {"length", "loss"} & set(settings):
        return subject
    raise Mistake(f"say what lies between the modules of {subject.device.name}: length=50 km, or loss=10 dB")


def _not_known(key: str, subject: Subject, known: Mapping[str, Parameter]) -> str:
    near = nearest(key, known)
    short = [name for name in known if "." not in name]
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(short)}"
    return f"a link of {subject.device.name} over {subject.link.medium} has no {key!r} ({hint})"


def _read(kind: Kind[object], key: str, text: str) -> object:
    page = Page("")
    value = page.attempt(kind, TextNode(Place("", key=key), text.strip()))
    if value is None:
        raise Mistake(f"{key}: {page.mistakes[0]}")
    return value
