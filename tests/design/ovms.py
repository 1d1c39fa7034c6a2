"""An OVM with what realisation asks about, and nothing else."""

from __future__ import annotations

from keytwin.design.variability import Configuration, Ovm, Variant, VariationPoint, ovm_of
from keytwin.design.views import ViewKind
from keytwin.vocabulary.identity import VariantId, VariationPointId

_RUNS_AS = {
    "protocol.decoy-bb84": "decoy-bb84",
    "protocol.bb84": "bb84-single-photon",
    "protocol.mdi": "mdi",
    "q-link.repeater": "repeater-chain",
}
_VARIANTS = (
    *("protocol.decoy-bb84", "protocol.bb84", "protocol.mdi", "protocol.cow"),
    *("q-link.direct", "q-link.repeater", "q-link.trusted-relay", "q-link.untrusted-centre"),
    *("medium.terrestrial", "medium.satellite", "terrestrial.fibre"),
    *("free-space.single", "free-space.constellation", "hybrid.ml-kem"),
)


def small_ovm() -> Ovm:
    points = dict.fromkeys(name.partition(".")[0] for name in _VARIANTS)
    return ovm_of(
        "small",
        "",
        tuple(
            VariationPoint(id=VariationPointId(point), name=point, view=ViewKind.BLOCK, is_mandatory=False)
            for point in points
        ),
        tuple(
            Variant(
                id=VariantId(name),
                name=name,
                point=VariationPointId(name.partition(".")[0]),
                runs_as=_RUNS_AS.get(name, ""),
            )
            for name in _VARIANTS
        ),
    )


def chosen(*names: str) -> Configuration:
    return Configuration("small", tuple(sorted(map(VariantId, names))))
