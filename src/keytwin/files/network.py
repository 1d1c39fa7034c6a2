"""Networks: a file to a `Blueprint` and back. Checks that need more than one place of the file are here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

import msgspec

from keytwin.files.device import library_device
from keytwin.files.kinds import names_from
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source, device_names, network_source
from keytwin.files.links import LinkLine, LinkValues, spaced
from keytwin.files.network_file import NETWORK, Control, Defaults, NetworkFile
from keytwin.files.nodes import MapNode, Node, Place, find
from keytwin.files.page import Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.writer import yaml_text
from keytwin.vocabulary.blueprint import Blueprint, ControlSettings
from keytwin.vocabulary.errors import Finding
from keytwin.vocabulary.identity import DeviceId, NodeId
from keytwin.vocabulary.topology import QLink, Topology
from keytwin.vocabulary.units import Bits, Decibels, DecibelsPerKilometre, Kilometres, show_bits

T = TypeVar("T")

_USUAL: Final = QLink(id=msgspec.UNSET, device=DeviceId(""))
