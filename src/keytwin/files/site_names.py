"""Names that others gave to places, as names of nodes: plain letters, none of them twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

from keytwin.files.hub import Site, SiteId
from keytwin.vocabulary.identity import NodeId, parse_node

LONGEST_SITE: Final = 28  # characters: "A-B.1234" of two of them, for a node between, still fits into a name of 64
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9._]+")
_EDGES: Final = "._-"
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "\u0131": "i", "'": "", "\u2019": ""}
)
"""What Unicode does not take apart into a plain letter and a mark; an apostrophe leaves no gap."""


def name_sites(sites: Iterable[Site]) -> dict[SiteId, NodeId]:
    """Return a name for each site: its own where that can name a node, else one like it."""
    names: dict[SiteId, NodeId] = {}
    taken: set[str] = set()
    for site in sites:
        name = unique(plain_name(site.name or "") or f"node{site.id}", taken)
        taken.add(name)
        names[site.id] = parse_node(name)
    return names


def plain_name(text: str) -> str:
    """Return `text` without accents, and with a hyphen for all that cannot stand in a name; perhaps nothing is left."""
    # Taken apart first: a letter with its accent is one character in some collections and two in others.
    letters = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    # Marks around a gap fall away with it: "St. Polten" is "St-Polten", not "St.-Polten".
    hyphened = re.sub(r"[._]*-[._-]*", "-", _NOT_PLAIN.sub("-", bare))
    return hyphened.strip(_EDGES)[:LONGEST_SITE].rstrip(_EDGES)


def unique(name: str, taken: Collection[str]) -> str:
    """Return the name, or the first of `name_2`, `name_3` ... that is not taken."""
    found, number = name, 1
    while found in taken:
        number += 1
        suffix = f"_{number}"
        # Shortened for the number: two long names that differ only at their end would else be cut to the same.
        found = f"{name[: LONGEST_SITE - len(suffix)].rstrip(_EDGES)}{suffix}"
    return found
