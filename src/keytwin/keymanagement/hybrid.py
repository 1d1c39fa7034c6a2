"""Keys that are made of a post-quantum secret, with quantum key or without: ETSI TS 103 744 V1.2.1.

Every key is derived for itself, under its own name and its session's, so no two keys of one secret have anything in
common. What is kept and handed out is the combined key: the quantum key that went into it is wiped at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final, NamedTuple, TypeVar

import msgspec

from keytwin.algorithms.combiners import COMBINERS, MOST_OCTETS, Transcript, derive_hkdf
from keytwin.vocabulary.exchange_messages import AssignKeys, NameKeys, RelayKeys
from keytwin.vocabulary.identity import KeyId, Ksid
from keytwin.vocabulary.key import KeyMaterial, KeyMode, Provenance
from keytwin.vocabulary.units import Bits, bits, octets

KEM: Final = "ML-KEM-768"  # FIPS 203: what a key's provenance calls it
LARGEST: Final = bits(MOST_OCTETS)  # of a key that can be derived
PROOF_OCTETS: Final = 16
NO_GENERATION: Final = 0

BatchMessage = RelayKeys | AssignKeys | NameKeys
B = TypeVar("B", bound=BatchMessage)


class Purpose(NamedTuple):
    """Which keys are meant: those of one direction of one session, made in one way."""

    mode: KeyMode
    ksid: Ksid
    onward: bool


@dataclass(slots=True)
class Generation:
    """A secret that both ends have agreed, and all that they said when they did. Its owner wipes it."""

    number: int
    public: bytes
    ciphertext: bytes
    secret: KeyMaterial
    voucher: bytes = b""  # for the ciphertext, at the end that has made it: it may be asked again

    def copy(self) -> Generation:
        """Return one with a secret of its own to wipe: what is combined later outlives the session's choice."""
        with self.secret.inspected() as octets_:
            return Generation(self.number, self.public, self.ciphertext, KeyMaterial(bytearray(octets_)))

    def wipe(self) -> None:
        """Wipe the secret."""
        self.secret.wipe()

    def combine(self, purpose: Purpose, keys: Mapping[KeyId, KeyMaterial]) -> dict[KeyId, KeyMaterial]:
        """Return the combined keys of the same names and sizes; the quantum keys are wiped."""
        combiner = COMBINERS[purpose.mode]
        combined = {}
        with self.secret.inspected() as secret:
            for key_id, material in keys.items():
                with material.exposed() as quantum:
                    combined[key_id] = KeyMaterial(combiner(quantum, secret, self._transcript(purpose, key_id)))
                material.wipe()
        return combined

    def derive(self, purpose: Purpose, key_size: Bits, key_ids: tuple[KeyId, ...]) -> dict[KeyId, KeyMaterial]:
        """Return the named keys, made of the secret alone."""
        with self.secret.inspected() as secret:
            return {
                key_id: KeyMaterial(derive_hkdf(secret, self._transcript(purpose, key_id), octets(key_size)))
                for key_id in key_ids
            }

    def proven(self, batch: B) -> B:
        """Return the message with this generation's number, and the proof that its sender has the secret."""
        numbered = msgspec.structs.replace(batch, generation=self.number)
        return msgspec.structs.replace(numbered, proof=self._proof(numbered))

    def proves(self, batch: BatchMessage) -> bool:
        """Whether the sender of a message has this very secret, and named these very keys."""
        return compare_digest(batch.proof, self._proof(batch))

    def _transcript(self, purpose: Purpose, key_id: KeyId) -> Transcript:
        """Return what both ends know of a key; its maker said the public key and the name, the other the ciphertext."""
        info = msgspec.msgpack.encode((purpose.ksid, purpose.onward))
        label = f"keytwin 1 {purpose.mode}".encode()
        return Transcript(label, info, self.public + key_id.encode(), self.ciphertext)

    def _proof(self, batch: BatchMessage) -> bytes:
        transcript = Transcript(b"keytwin 1 proof", _stated(batch), self.public, self.ciphertext)
        with self.secret.inspected() as secret:
            return bytes(derive_hkdf(secret, transcript, PROOF_OCTETS))


class Mix(NamedTuple):
    """What goes into the keys of one batch beside quantum key, or instead of it. The batch owns the secret."""

    purpose: Purpose
    generation: Generation

    @property
    def number(self) -> int:
        """The number of the generation."""
        return self.generation.number

    def wipe(self) -> None:
        """Wipe this batch's copy of the secret."""
        self.generation.wipe()


def numbered(mix: Mix | None, batch: B) -> B:
    """Return the message as it leaves: with number and proof where keys are combined."""
    return batch if mix is None else mix.generation.proven(batch)


def mixed(mix: Mix | None, keys: dict[KeyId, KeyMaterial]) -> dict[KeyId, KeyMaterial]:
    """Return the keys as they are handed out; the batch's copy of the secret is used up."""
    if mix is None:
        return keys
    combined = mix.generation.combine(mix.purpose, keys)
    mix.wipe()
    return combined


def stamped(provenance: Provenance, mode: KeyMode, generation: int) -> Provenance:
    """Return the provenance of keys of that mode, made with that generation's secret."""
    if generation == NO_GENERATION:
        return provenance
    return msgspec.structs.replace(provenance, mode=mode, kem=KEM, generation=generation)


def _stated(batch: BatchMessage) -> bytes:
    """Return what a proof covers: nothing that changes from hop to hop."""
    place = (batch.link, batch.link_epoch, batch.offset) if isinstance(batch, AssignKeys) else ()
    named = (batch.ksid, batch.onward, batch.batch_id, batch.key_size, batch.key_ids, batch.generation)
    return msgspec.msgpack.encode((type(batch).__name__, *named, *place))
