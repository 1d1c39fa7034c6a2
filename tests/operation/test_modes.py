"""Hybrid keys of a live network, with ML-KEM itself: the same at both ends, of the mode they say, also in an alarm."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from msgspec import structs

from keytwin.keymanagement.hybrid import KEM
from keytwin.operation.office import Office
from keytwin.runtime.entropy import SeededEntropy
from keytwin.runtime.kem import MlKem768, SeededKem
from keytwin.service.operator_values import SaeStatus
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import KemRefused
from keytwin.vocabulary.events import FallbackBegun, FallbackOver
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.kem_messages import ML_KEM_768, AgreementId, KeyPairMade, MakeKeyPair
from keytwin.vocabulary.key import Fallback, KeyMode, Provenance
from keytwin.vocabulary.machine import Perform
from keytwin.vocabulary.units import seconds
from tests.operation.live import heard, network, on_uvloop, settings, up
from tests.operation.test_restart import contents, fetched, handed_out

APP: Final = "app23"  # two hops apart
NODE: Final = NodeId("km2")  # of its first SAE, whose only link is this
LINK: Final = LinkId("km0--km2")
SPEED: Final = 5.0


def hybrid() -> Blueprint:
    star = network("star6")
    slas = (structs.replace(sla, mode=KeyMode.HYBRID_CATKDF, fallback=Fallback.PQC_ONLY) for sla in star.slas)
    keys = structs.replace(star.key_management, pool_depth=seconds(1))
    return structs.replace(star, slas=tuple(slas), key_management=keys)


async def origins(office: Office) -> set[Provenance]:
    """Return where keys come from that both ends were handed, the same ones."""
    given = await handed_out(office, APP, 64)
    keys = contents(given)
    assert await fetched(office, APP, tuple(keys)) == keys
    return {key.provenance for key in given.keys}


def seen(office: Office) -> SaeStatus:
    return next(each for each in office.status().saes if each.sae == f"{APP}-a")


def assert_real(office: Office) -> None:
    """The port's octets are of ML-KEM-768 itself: the stand-in of simulation refuses them, the real one opens them."""
    asked = MakeKeyPair("a test", AgreementId(Ksid("k"), 1, onward=True))
    made = office.network.live.ports.answer(km_of(NODE), Perform(ML_KEM_768, asked))
    assert isinstance(made, KeyPairMade)
    secret, ciphertext = MlKem768().encapsulate(made.public)
    opened = MlKem768().decapsulate(made.private, ciphertext)
    with opened.exposed() as one, secret.exposed() as other:
        assert one == other
    with pytest.raises(KemRefused, match="stand-in"):
        SeededKem(SeededEntropy(bytes(32))).encapsulate(made.public)


def test_keys_are_hybrid_but_while_their_only_way_is_under_alarm(tmp_path: Path) -> None:
    async def body() -> None:
        async with up(settings(hybrid(), tmp_path / "state", SPEED)) as office:
            assert_real(office)
            (origin,) = await origins(office)
            assert (origin.mode, origin.hops, origin.kem) == (KeyMode.HYBRID_CATKDF, 2, KEM)
            assert (seen(office).mode, seen(office).is_fallen_back) == (KeyMode.HYBRID_CATKDF, False)
            office.attack(LINK, 0.2)
            await heard(office, lambda _, event: isinstance(event, FallbackBegun) and event.node == NODE)
            assert seen(office).is_fallen_back
            made_of = {KeyMode.HYBRID_CATKDF}  # what was made before is good, and is handed out first
            while KeyMode.PQC_ONLY not in made_of:
                made_of = {each.mode for each in await origins(office)}
            office.heal(LINK)
            await heard(office, lambda _, event: isinstance(event, FallbackOver) and event.node == NODE)
            assert not seen(office).is_fallen_back

    on_uvloop(body())
