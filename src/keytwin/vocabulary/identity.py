"""Names of things: parsed once at the edge, never a bare str inside.

Element names say the plane (`km/<node>`, `link/<id>`, `sae/<id>`, `admission` ...); a link is `a--b` or, for
parallel links, `a--b/name`. Key and session identifiers are UUIDs of version 4 in RFC 9562's canonical lower-case text
(ETSI GS QKD 014 V1.1.1 clause 6, ETSI GS QKD 004 V2.1.1 Table 2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NewType

from keytwin.vocabulary.errors import Mistake

NodeId = NewType("NodeId", str)
KmId = NewType("KmId", str)
"""The key manager of a node carries the node's name."""
SaeId = NewType("SaeId", str)
AppId = NewType("AppId", str)
UserId = NewType("UserId", str)
SlaId = NewType("SlaId", str)
LinkId = NewType("LinkId", str)
DeviceId = NewType("DeviceId", str)
KeyId = NewType("KeyId", str)
Ksid = NewType("Ksid", str)
"""Key_stream_ID of ETSI GS QKD 004 = session ID of paper B."""
VariationPointId = NewType("VariationPointId", str)
"""A variation point of an OVM (paper A): `medium`."""
VariantId = NewType("VariantId", str)
"""A variant with its variation point before it: `medium.terrestrial`."""
ElementName = NewType("ElementName", str)
"""Address of a machine on the bus: `km/km0`, `admission`, `link/km0--km1`."""

ACCESS: Final = ElementName("access")
ADMISSION: Final = ElementName("admission")
ROUTING: Final = ElementName("routing")
MONITORING: Final = ElementName("monitoring")
CONTROLLER: Final = ElementName("controller")
XOR_POINT: Final = ElementName("xor-point")

MOST_NAMES: Final = 4_096  # of elements kept made: they are asked for with each request
LONGEST_NAME: Final = 64  # characters: fits a certificate's common name (X.520 ub-common-name)
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", flags=re.ASCII)
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", flags=re.ASCII)


def parse_name(text: str, kind: str) -> str:
    """Return `text` as the name of a `kind`; letters, digits and `. _ -`, no `--`; Mistake otherwise."""
    if "--" in text:
        raise Mistake(f"{text!r} cannot name {kind}: '--' joins the two ends of a link; use a single '-'")
    if len(text) > LONGEST_NAME:
        raise Mistake(f"{text[:20] + '...'!r} cannot name {kind}: a name has at most {LONGEST_NAME} characters")
    if not _NAME.fullmatch(text):
        raise Mistake(
            f"{text!r} cannot name {kind}: use letters, digits, '.', '_' and '-', with a letter or digit at both ends"
        )
    return text


def parse_node(text: str) -> NodeId:
    """Return a node's name."""
    return NodeId(parse_name(text, "a node"))


def parse_sae(text: str) -> SaeId:
    """Return the name of a secure application entity."""
    return SaeId(parse_name(text, "an SAE"))


def parse_app(text: str) -> AppId:
    """Return an app's name."""
    return AppId(parse_name(text, "an app"))


def parse_user(text: str) -> UserId:
    """Return a user's name."""
    return UserId(parse_name(text, "a user"))


def parse_link(text: str) -> LinkId:
    """Read `a -- b` or `a -- b/name` with any spacing; the two ends stay in the order written."""
    ends, slash, name = text.partition("/")
    parts = ends.split("--")
    if len(parts) != 2 or not all(part.strip() for part in parts):
        raise Mistake(f"{text!r} is not a link: write 'a -- b', or 'a -- b/name' for one of several parallel links")
    first, second = (parse_node(part.strip()) for part in parts)
    if first == second:
        raise Mistake(f"{text!r} joins {first!r} to itself: a link needs two different nodes")
    return link_id(first, second, parse_name(name.strip(), "a link") if slash else "")


def link_id(first: NodeId, second: NodeId, name: str = "") -> LinkId:
    """Return the identifier of the link between two nodes."""
    return LinkId(f"{first}--{second}/{name}" if name else f"{first}--{second}")


def link_ends(link: LinkId) -> tuple[NodeId, NodeId]:
    """Return the two nodes of a link, in the order of its identifier."""
    first, second = link.partition("/")[0].split("--")
    return NodeId(first), NodeId(second)


KM_PREFIX: Final = "km/"


@lru_cache(maxsize=MOST_NAMES)
def km_of(node: NodeId) -> ElementName:
    """Return the element name of a node's key manager."""
    return ElementName(f"{KM_PREFIX}{node}")


def node_of(km: ElementName) -> NodeId:
    """Return the node of a key manager, by its element name."""
    return NodeId(km.removeprefix(KM_PREFIX))


def twin_of(link: LinkId) -> ElementName:
    """Return the element name of a link's twin."""
    return ElementName(f"link/{link}")


@lru_cache(maxsize=MOST_NAMES)
def sae_element(sae: SaeId) -> ElementName:
    """Return the element name of an SAE that runs inside keytwin."""
    return ElementName(f"sae/{sae}")


def parse_uuid(text: str) -> str:
    """Return a canonical lower-case UUID; aliases (braces, `urn:`, upper case, missing hyphens) are refused."""
    if not is_uuid(text):
        raise Mistake(
            "a UUID is 8-4-4-4-12 lower-case hexadecimal digits, such as 0b9f0a46-52a8-4a8c-9f0e-8a8f3b1a7c11"
        )
    return text


def is_uuid(text: str) -> bool:
    """Whether it is a canonical lower-case UUID."""
    return _UUID.fullmatch(text) is not None


def parse_key_ids(texts: Sequence[str]) -> tuple[KeyId, ...]:
    """Return many key IDs; Mistake when one is no canonical UUID."""
    if not all(map(_UUID.fullmatch, texts)):  # no call of our own for each of them
        for text in texts:
            parse_uuid(text)
    return tuple(texts)  # type: ignore[arg-type]  # a KeyId is a `str` by another name, and to call it costs as much as the check
