"""What is known of the protocols of the BB84 family, and of black boxes, beside their rates.

Readiness goes by what was seen of a protocol: 9 = sold and in daily use, 7 = a prototype in installed fibre.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from keytwin.quantum.traits import Proof, Threat, Traits

_THREATS: Final = (Threat.PHOTON_SPLITTING,)


def _sources(proof: str, readiness: str) -> Mapping[str, str]:
    return MappingProxyType({"proof": proof, "trl": readiness})


TWO_DECOYS: Final = Traits(
    Proof.FINITE,
    trl=9,
    threats=_THREATS,
    sources=_sources(
        "Lim et al., PRA 89 022307 (2014)",
        "Products of several vendors; in the networks of Tokyo (Sasaki et al., Opt. Express 19 10387, 2011) and after",
    ),
)
ONE_DECOY: Final = Traits(
    Proof.FINITE,
    trl=8,
    threats=_THREATS,
    sources=_sources(
        "Rusca et al., Appl. Phys. Lett. 112 171104 (2018); Wiesemann et al., arXiv 2405.16578, mends the proof",
        "421 km of fibre in the laboratory (Boaron et al., PRL 121 190502, 2018), field trials since",
    ),
)
NO_DECOY: Final = Traits(
    Proof.FINITE,
    trl=9,
    threats=_THREATS,
    sources=_sources(
        "Gottesman, Lo, Luetkenhaus, Preskill, Quantum Inf. Comput. 4 325 (2004), for endless keys; finite ones "
        "after Tomamichel et al., Nat. Commun. 3 634 (2012)",
        "The first products, before decoy states",
    ),
)
SINGLE_PHOTON: Final = Traits(
    Proof.FINITE,
    trl=5,
    threats=_THREATS,
    sources=_sources(
        "Tomamichel, Lim, Gisin, Renner, Nat. Commun. 3 634 (2012)",
        "79 km of installed fibre with a quantum dot (Yang et al., Light Sci. Appl. 13 150, 2024)",
    ),
)
SARG04: Final = Traits(
    Proof.NONE,
    trl=9,
    sources=_sources(
        "The rate is a measured one; what its vendor proves for it is not known here",
        "SwissQuantum ran for more than one and a half years (Stucki et al., New J. Phys. 13 123001, 2011)",
    ),
)
BLACK_BOX: Final = Traits(
    Proof.NONE,
    trl=9,
    sources=_sources(
        "The rate is a measured one; which protocol makes it, and what is proven of that, is not told",
        "A device that can be measured is there",
    ),
)
