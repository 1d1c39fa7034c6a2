"""What is told of a key's origin beside the key: in `key_extension` of ETSI 014 and in the metadata of ETSI 004.

The mode stands in both, always: whoever gets a key knows what it was made of, and what would have to be broken.
"""

from __future__ import annotations

from keytwin.vocabulary.key import Method, Provenance


def told_of(provenance: Provenance) -> dict[str, str | int]:
    """Return what may be told, by name; what there is nothing to say of is left out."""
    told: dict[str, str | int] = {"method": provenance.method.value, "hops": provenance.hops}
    if provenance.shares > 1:
        told["shares"] = provenance.shares
    if provenance.method is not Method.LOCAL:
        told["mode"] = provenance.mode.value
    if provenance.kem:
        told |= {"kem": provenance.kem, "generation": provenance.generation}
    return told
