"""What is told of a key's origin: the mode always, and no more than there is."""

from __future__ import annotations

import msgspec
import pytest

from keytwin.service.origin import told_of
from keytwin.service.stream_metadata import metadata_of
from keytwin.vocabulary.key import KeyMode, Method, Provenance
from keytwin.vocabulary.units import milliseconds
from tests.marks import clause

HYBRID = Provenance(Method.RELAYED, 3, 1, KeyMode.HYBRID_CATKDF, "ML-KEM-768", 7)
FALLEN = Provenance(Method.AGREED, 0, 1, KeyMode.PQC_ONLY, "ML-KEM-768", 2)


@pytest.mark.parametrize(
    ("provenance", "told"),
    [
        (Provenance(Method.ADJACENT, 1), {"method": "adjacent", "hops": 1, "mode": "qkd-only"}),
        (Provenance(Method.RELAYED, 3, 2), {"method": "relayed", "hops": 3, "shares": 2, "mode": "qkd-only"}),
        (Provenance(Method.LOCAL, 0), {"method": "local", "hops": 0}),
        (
            HYBRID,
            {"method": "relayed", "hops": 3, "mode": "hybrid-catkdf", "kem": "ML-KEM-768", "generation": 7},
        ),
        (FALLEN, {"method": "agreed", "hops": 0, "mode": "pqc-only", "kem": "ML-KEM-768", "generation": 2}),
    ],
)
def test_the_origin_of_a_key_is_told(provenance: Provenance, told: dict[str, str | int]) -> None:
    assert told_of(provenance) == told


@clause("ETSI GS QKD 004 V2.1.1", "Table 3")
def test_metadata_says_the_mode_in_members_of_our_own() -> None:
    told = msgspec.json.decode(metadata_of(HYBRID, milliseconds(12)))
    assert told == {
        "age": 12,
        "hops": 2,
        "keytwin_method": "relayed",
        "keytwin_mode": "hybrid-catkdf",
        "keytwin_kem": "ML-KEM-768",
        "keytwin_generation": 7,
    }


def test_a_chunk_that_crossed_no_link_has_visited_no_node() -> None:
    assert msgspec.json.decode(metadata_of(FALLEN, milliseconds(0)))["hops"] == 0
