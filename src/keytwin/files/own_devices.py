"""Devices that a network brings along: `device: mydev.yaml` is a path from the file in which it is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from keytwin.files.device import device_from
from keytwin.files.known import Known
from keytwin.files.library import device_names, device_source, is_path
from keytwin.files.nodes import ListNode, MapNode, Node, TextNode, find
from keytwin.files.page import Declared, Page, take_over
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.identity import DeviceId

MOST_OWN_DEVICES: Final = 100  # files that one network may name: reading them takes a second or two


def read_own_devices(root: Node, page: Page, known: Known) -> dict[DeviceId, Device]:
    """Read each device file that a network names, and let its path stand for the name that the device gives itself."""
    devices: dict[DeviceId, Device] = {}
    paths: dict[str, Path] = {}
    named = tuple(_named_by_path(root))
    number = len({node.text for node in named})
    if number > MOST_OWN_DEVICES:
        raise page.refusal(root.place, f"{number} device files are named: {MOST_OWN_DEVICES} is the most")
    for node in named:
        beside = page.folders.get(node.place.file)
        path = (beside or Path()) / node.text
        if node.text not in paths:
            paths[node.text] = path
            _declare(node, _read(node, beside, page, known), devices, page)
        elif paths[node.text] != path:
            page.report(node.place, f"{node.text!r} is {paths[node.text]} elsewhere", "give one of them another name")
    return devices


def _named_by_path(root: Node) -> Iterator[TextNode]:
    links = find(root, "links")
    items = links.items if isinstance(links, ListNode) else ()
    own = (entry.value for item in items if isinstance(item, MapNode) for entry in item.entries.values())
    for values in (find(root, "defaults", "link"), *own):
        device = find(values, "device")
        if isinstance(device, TextNode) and is_path(device.text):
            yield device


def _read(node: TextNode, beside: Path | None, page: Page, known: Known) -> Device | None:
    try:
        source = device_source(node.text, beside)
    except Mistake as mistake:
        page.report(node.place, str(mistake))
        return None
    try:
        return device_from(source, known)
    except FileMistake as mistake:
        take_over(page, mistake.findings, node.place)
        return None


def _declare(node: TextNode, device: Device | None, devices: dict[DeviceId, Device], page: Page) -> None:
    # Declared even when wrong: what is wrong has been told, and each link that names it would tell it again.
    page.declare("device", node.text, Declared(device.name if device else node.text))
    if device is None:
        return
    if device.name in devices or device.name in device_names():
        taken = "another file that this network names" if device.name in devices else "a device of the library"
        page.report(
            node.place,
            f"the device in {node.text!r} calls itself {device.name!r}, like {taken}",
            "give it a name of its own: change 'name' there",
        )
    devices.setdefault(device.name, device)
