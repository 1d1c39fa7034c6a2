"""Read small files from text, and say in short what was found wrong: `line:column what (suggestion)`."""

from __future__ import annotations

from collections.abc import Callable

from keytwin.design.features import FeatureModel
from keytwin.design.variability import Ovm
from keytwin.files.device import device_from
from keytwin.files.library import Source
from keytwin.files.network import check_network
from keytwin.files.nodes import Node
from keytwin.files.ovm import ovm_from
from keytwin.files.ovm_xml import read_ovm_xml
from keytwin.files.page import Checked, Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.scenario import check_scenario
from keytwin.files.uvl_reader import read_uvl
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import FileMistake, Finding
from keytwin.vocabulary.timeline import Scenario

FILE = "test.yaml"


def network(text: str) -> Checked[Blueprint]:
    return check_network(Source(FILE, text.encode()))


def scenario(text: str) -> Checked[Scenario]:
    return check_scenario(Source(FILE, text.encode()))


def device(text: str) -> Device:
    return device_from(Source(FILE, text.encode()))


def nodes(octets: bytes) -> Node:
    """Read YAML only, and raise what is wrong there."""
    page = Page(FILE)
    try:
        root = read_nodes(octets, page)
    except Unread:
        raise page.conclusion() from None
    page.conclude()
    return root


def mistakes(text: str) -> list[str]:
    """Give what is wrong in a network file."""
    return _told(lambda: network(text))


def scenario_mistakes(text: str) -> list[str]:
    return _told(lambda: scenario(text))


def device_mistakes(text: str) -> list[str]:
    return _told(lambda: device(text))


def yaml_mistakes(octets: bytes) -> list[str]:
    return _told(lambda: nodes(octets))


def short(finding: Finding) -> str:
    return str(finding).removeprefix(f"{FILE}:").strip()


def _told(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except FileMistake as mistake:
        return [short(finding) for finding in mistake.findings]
    return []


def ovm(text: str) -> Ovm:
    return ovm_from(Source(FILE, text.encode()))


def ovm_mistakes(text: str) -> list[str]:
    return _told(lambda: ovm(text))


def uvl(text: str) -> Checked[FeatureModel]:
    return read_uvl(Source("test.uvl", text.encode()))


def uvl_mistakes(text: str) -> list[str]:
    return [each.removeprefix("test.uvl:") for each in _told(lambda: uvl(text))]


def ovm_xml(text: str) -> Checked[FeatureModel]:
    return read_ovm_xml(Source("test.xml", text.encode()))


def ovm_xml_mistakes(text: str) -> list[str]:
    return [each.removeprefix("test.xml:") for each in _told(lambda: ovm_xml(text))]
