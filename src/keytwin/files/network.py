"""Networks: a file to a `Blueprint` and back. Checks that need more than one place of the file are here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar, cast

from msgspec import structs

from keytwin.files.device import library_device
from keytwin.files.kinds import Plain, names_from
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source, device_names, network_source
from keytwin.files.links import LinkLine, LinkValues, spaced
from keytwin.files.media import SETTINGS, Said, said_of
from keytwin.files.mode_checks import check_modes
from keytwin.files.network_file import NETWORK, Control, Defaults, NetworkFile
from keytwin.files.nodes import Node, Place, find, place_of
from keytwin.files.own_devices import read_own_devices
from keytwin.files.page import Checked, Page, Unread
from keytwin.files.rate_checks import best_rate, check_slas
from keytwin.files.reader import read_nodes
from keytwin.files.route_checks import check_quotas, check_routes
from keytwin.files.writer import yaml_text
from keytwin.vocabulary.blueprint import Blueprint, ControlSettings
from keytwin.vocabulary.device import Device, EmpiricalDevice
from keytwin.vocabulary.identity import DeviceId, LinkId, NodeId
from keytwin.vocabulary.medium import FIBRE, FREE_SPACE, SATELLITE, Setting
from keytwin.vocabulary.topology import QLink, Topology
from keytwin.vocabulary.units import show_bits

T = TypeVar("T")

AIRY: Final = (FREE_SPACE, SATELLITE)
"""Media that have no attenuation by length."""
_NOWHERE: Final = Place("")


def read_network(where: str, known: Known = BROUGHT) -> Blueprint:
    """Return a network, by the name of an example or by path; Mistake when there is none or it is wrong."""
    return check_network(network_source(where), known).value


def check_network(source: Source, known: Known = BROUGHT) -> Checked[Blueprint]:
    """Return the network that a file describes, with the warnings; FileMistake with all that is wrong in it."""
    page = Page(source.file, folders={source.file: source.folder})
    try:
        blueprint = network_of(read_nodes(source.octets, page), page, known)
    except Unread:
        raise page.conclusion() from None
    page.conclude()
    return Checked(blueprint, page.sorted_warnings())


def network_of(root: Node, page: Page, known: Known) -> Blueprint:
    """Return the network that nodes describe, and declare its names on the page; Unread after a mistake."""
    # Sections that may be left out declare nothing then; `node` and `link` are absent here because theirs may not.
    page.names |= {
        "device": names_from(device_names()),
        "medium": names_from(known.media),
        "routing metric": names_from(known.metrics),
        "key management algorithm": names_from(known.algorithms),
        "SLA": {},
        "user": {},
        "app": {},
    }
    own_devices = read_own_devices(root, page, known)
    file = NETWORK.read(root, page)
    usual = file.defaults.link
    laid = [(line, _laid(line.values, usual)) for line in file.links]
    devices = own_devices | _library_devices(values.device for _, values in laid)
    links = [(line.place, _link(line.id, values)) for line, values in laid if _check_link(line, values, devices, page)]
    best = best_rate(links, devices, page, known)
    _check_bursts(file, root, page)
    _check_connections(file, root, page)
    check_slas(file, best, root, page)
    check_routes(file, root, page)
    check_quotas(file, root, page)
    check_modes(file, root, page)
    if not file.apps:
        page.warn((find(root, "apps") or root).place, "the network has no apps: nobody would ask for a key")
    if page.mistakes:
        raise Unread
    return _blueprint(file, tuple(link for _, link in links), devices)


def write_network(blueprint: Blueprint, paths: Mapping[DeviceId, str] = MappingProxyType({})) -> str:
    """Return the canonical text of a network, which reads back to an equal one.

    `paths` says where the file of each device lies that isn't in the library.
    """
    links = tuple(
        structs.replace(link, device=DeviceId(paths.get(link.device, link.device))) for link in blueprint.topology.links
    )
    # No usual loss: a measured one belongs to one link, and a link could not say that it has none.
    usual = LinkValues(
        device=_most_common(link.device for link in links),
        medium=_most_common(link.medium for link in links),
        length=_usual(tuple(link.length for link in links)),
        attenuation=_most_common(link.attenuation for link in links),
    )
    control = blueprint.control
    file = NetworkFile(
        name=blueprint.name,
        about=blueprint.about,
        defaults=Defaults(usual),
        nodes=blueprint.topology.nodes,
        links=tuple(LinkLine(link.id, _own_values(link, usual), _NOWHERE) for link in links),
        slas=blueprint.slas,
        users=blueprint.users,
        apps=blueprint.apps,
        control=Control(
            control.routing, control.admission, control.monitoring, blueprint.key_management, control.placement
        ),
        twin=blueprint.twin,
    )
    return yaml_text(cast(dict[str, Plain], NETWORK.write(file)))


def _blueprint(file: NetworkFile, links: tuple[QLink, ...], devices: Mapping[DeviceId, Device]) -> Blueprint:
    return Blueprint(
        name=file.name,
        topology=Topology(file.nodes, links),
        about=file.about,
        slas=file.slas,
        users=file.users,
        apps=file.apps,
        control=ControlSettings(
            file.control.routing, file.control.admission, file.control.monitoring, file.control.placement
        ),
        key_management=file.control.key_management,
        twin=file.twin,
        devices=MappingProxyType({link.device: devices[link.device] for link in links}),
    )


def _library_devices(wanted: Iterable[DeviceId | None]) -> dict[DeviceId, Device]:
    return {device: library_device(device) for device in wanted if device is not None and device in device_names()}


# --- links and their defaults ---------------------------------------------------------------------------------------


def _laid(own: LinkValues, usual: LinkValues) -> LinkValues:
    """Lay what a link says over what holds for all; a loss measured for all doesn't win over a length of its own."""
    is_measured = own.length is None and own.attenuation is None
    return LinkValues(
        device=_either(own.device, usual.device),
        medium=_either(own.medium, usual.medium),
        length=_either(own.length, usual.length),
        attenuation=_either(own.attenuation, usual.attenuation),
        total_loss=_either(own.total_loss, usual.total_loss if is_measured else None),
        fibre=_both(own.fibre, usual.fibre),
        free_space=_both(own.free_space, usual.free_space),
        satellite=_both(own.satellite, usual.satellite),
    )


def _link(link: LinkId, values: LinkValues) -> QLink:
    assert values.device is not None
    bare = QLink(link, values.device)
    medium = _either(values.medium, bare.medium)
    # What holds for all links of fibre says nothing of the air, and still less of a satellite's way.
    length, measured = (None, None) if medium == SATELLITE else (values.length, values.total_loss)
    attenuation = None if medium in AIRY else values.attenuation
    return QLink(
        link,
        values.device,
        medium=medium,
        length=_either(length, bare.length),
        attenuation=_either(attenuation, bare.attenuation),
        total_loss=measured,
        setting=_setting(medium, values),
    )


def _setting(medium: str, values: LinkValues) -> Setting | None:
    """Return what is said of the medium; None when nothing is, or nothing but the defaults."""
    said = values.said_of(medium)
    if not said:
        return None
    setting, bare = SETTINGS[medium].make(**said), SETTINGS[medium].make()
    return None if setting == bare else setting


def _both(own: Said | None, usual: Said | None) -> Said | None:
    return own if usual is None else {**usual, **(own or {})}


def _either(own: T | None, usual: T) -> T:
    return usual if own is None else own


def _check_link(line: LinkLine, values: LinkValues, devices: Mapping[DeviceId, Device], page: Page) -> bool:
    """Report what a link lacks; whether it is complete."""
    item = line.place.key.partition("]")[0]
    keys = (mistake.key.removeprefix("overrides.") for mistake in page.mistakes)
    if any(key.startswith(("defaults", item)) for key in keys):
        return False  # what is missing may stand in what could not be read
    if values.device is None:
        page.report(line.place, f"link '{spaced(line.id)}' has no device", "give one here or under defaults.link")
    if not _check_medium(line, values, page):
        return False
    # The loss is in the figures of a black box already; a device that could not be read may be one.
    may_be_measured = values.device is not None and isinstance(devices.get(values.device), EmpiricalDevice | None)
    has_loss = may_be_measured or values.length is not None or values.total_loss is not None
    has_loss = has_loss or values.medium == SATELLITE
    if not has_loss:
        hint = "give 'length' or a measured 'total_loss', here or under defaults.link"
        page.report(line.place, f"link '{spaced(line.id)}' has no length", hint)
    return has_loss and values.device is not None


def _check_medium(line: LinkLine, values: LinkValues, page: Page) -> bool:
    """Report what a link says that its medium has no use for; whether there is none."""
    medium, own, before = values.medium or FIBRE, line.values, len(page.mistakes)
    for other in SETTINGS:
        if other != medium and own.said_of(other) is not None:
            page.report(line.place, f"{other!r} is said of a link whose medium is {medium!r}", f"add 'medium: {other}'")
    if medium == FREE_SPACE and own.attenuation is not None:
        hint = "the air's attenuation follows from 'visibility' under 'free-space'; a measured one is 'total_loss'"
        page.report(line.place, "'loss' by length is said of a link through the air", hint)
    if medium == SATELLITE and (own.length, own.attenuation, own.total_loss) != (None, None, None):
        hint = "its loss changes during a pass: give 'altitude', 'closest' and 'farthest' under 'satellite'"
        page.report(line.place, "a length or loss is said of a link to a satellite", hint)
    return len(page.mistakes) == before


def _own_values(link: QLink, usual: LinkValues) -> LinkValues:
    """Return what a link says that does not hold for all."""
    return LinkValues(
        device=None if link.device == usual.device else link.device,
        medium=None if link.medium == usual.medium else link.medium,
        length=None if link.length == usual.length or link.medium == SATELLITE else link.length,
        attenuation=None if link.attenuation == usual.attenuation or link.medium in AIRY else link.attenuation,
        total_loss=link.total_loss,
        fibre=_said(link, FIBRE),
        free_space=_said(link, FREE_SPACE),
        satellite=_said(link, SATELLITE),
    )


def _said(link: QLink, medium: str) -> Said | None:
    return (said_of(link.setting) or None) if link.medium == medium else None


def _most_common(values: Iterable[T]) -> T | None:
    """Return the value that most links have, the first of equals."""
    counted = Counter(values).most_common(1)
    return counted[0][0] if counted else None


def _usual(values: tuple[T, ...]) -> T | None:
    """Return the value that at least half of the links have; what two of fifty have by chance is no default."""
    common = _most_common(values)
    return common if 2 * values.count(cast(T, common)) >= len(values) else None


# --- checks across sections -----------------------------------------------------------------------------------------


def _check_bursts(file: NetworkFile, root: Node, page: Page) -> None:
    size = file.control.key_management.key_size
    too_small = [sla for sla in file.slas if sla.burst < size]
    for sla in too_small:
        page.report(
            place_of(root, "slas", sla.id, "burst"),
            f"burst {show_bits(sla.burst)} is smaller than a key of {show_bits(size)}: no request could be served",
            "raise it, or lower control.key_management.key_size",
        )


def _check_connections(file: NetworkFile, root: Node, page: Page) -> None:
    """Report apps whose ends no links join, and warn of nodes without any link."""
    if page.names.get("link") is None:
        return  # a link that could not be read may be the one
    # Links with a misspelt end count as what was probably meant, so that one typing error is one mistake.
    group = _groups(line.ends for line in file.links)
    for node in file.nodes:
        if node.id not in group:
            page.warn(place_of(root, "nodes", node.id), f"node {node.id!r} has no link")
    for app in file.apps:
        first, second = (end.node for end in app.ends)
        if group.get(first, first) != group.get(second, second):
            said = f"app {app.id!r} is disconnected: no links lead from {first!r} to {second!r}"
            page.report(place_of(root, "apps", app.id, "saes"), said)


def _groups(links: Iterable[tuple[NodeId, NodeId]]) -> dict[NodeId, NodeId]:
    """Return for each linked node one node that stands for all that it can reach."""
    near: defaultdict[NodeId, list[NodeId]] = defaultdict(list)
    for first, second in links:
        near[first].append(second)
        near[second].append(first)
    group: dict[NodeId, NodeId] = {}
    for start in near:
        reached = [] if start in group else [start]
        while reached:
            node = reached.pop()
            if node not in group:
                group[node] = start
                reached += near[node]
    return group
