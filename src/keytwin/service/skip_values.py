"""What an encryptor asks through the SKIP face (draft-cisco-skip-02, Table 2), and the data formats of its answers.

The key manager of a node is the draft's key provider. It is one for each SAE: localSystemID is the SAE of the caller's
certificate, remoteSystemID an SAE that has an app in common with it. What is asked for keys is what ETSI GS QKD 014
asks, for one key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from keytwin.service.etsi014_values import AskKeys, AskKeysById
from keytwin.vocabulary.identity import ElementName, KeyId, NodeId, SaeId
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, Duration

ALGORITHM: Final = "QKD"
"""How key providers come to have the same keys."""
ID_PATTERN: Final = "^[0-9a-f]{32}$"
DEFAULT_ENTROPY: Final = Bits(256)

Hex: TypeAlias = Annotated[str, Meta(pattern="^(?:[0-9a-f]{2})+$")]
KEY_ID_OCTETS: Final = 16
_HYPHENS: Final = (8, 13, 18, 23)  # where a UUID's text has them (RFC 9562 clause 4)


@dataclass(frozen=True, slots=True)
class SkipLimits:
    """What the face takes at all, whoever asks: characters, octets, bits."""

    target: int = 4_096
    body: int = 65_536
    key_size: Bits = Bits(32_768)
    entropy: Bits = Bits(32_768)

    def __post_init__(self) -> None:
        assert min(self.target, self.body, self.key_size, self.entropy) > 0


SKIP_LIMITS: Final = SkipLimits()


@dataclass(frozen=True, slots=True)
class SkipSetup:
    """One node's face: its SAEs with their peers, where replies go, how long a key may take, and a source of chance."""

    node: NodeId
    reply_to: ElementName
    peers: Mapping[SaeId, tuple[SaeId, ...]]
    patience: Duration
    entropy: Entropy
    limits: SkipLimits = SKIP_LIMITS


class AskCapabilities(msgspec.Struct, frozen=True, gc=False):
    """GET /capabilities."""

    local: SaeId


class AskEntropy(msgspec.Struct, frozen=True, gc=False):
    """GET /entropy: random octets that are nobody else's."""

    minentropy: Bits = DEFAULT_ENTROPY

    @property
    def octets(self) -> int:
        """How many octets have at least so much."""
        return -(-self.minentropy // BITS_PER_BYTE)


Ask: TypeAlias = AskCapabilities | AskEntropy | AskKeys | AskKeysById


class Capabilities(msgspec.Struct, frozen=True, rename={"local": "localSystemID", "remote": "remoteSystemID"}):
    """The capabilities of a key provider; all members are mandatory."""

    entropy: bool
    key: bool
    algorithm: str
    local: str
    remote: Annotated[tuple[str, ...], Meta(min_length=1)]


class SkipKey(msgspec.Struct, frozen=True, rename={"key_id": "keyId"}):
    """One key, fresh or fetched."""

    key_id: Annotated[str, Meta(pattern=ID_PATTERN, description="of 128 bits")]
    key: Hex


class SkipEntropy(msgspec.Struct, frozen=True, rename={"random": "randomStr"}):
    """Random octets, and how many bits of min-entropy they have."""

    random: Hex
    minentropy: Annotated[int, Meta(ge=1)]


def hex_of(key_id: KeyId) -> str:
    """Return a key identifier as SKIP writes it: the 128 bits of the UUID in hexadecimal."""
    return key_id.replace("-", "")


def key_id_of(digits: str) -> KeyId:
    """Return the identifier whose 128 bits these are: 32 hexadecimal digits, in either case."""
    assert len(digits) == 2 * KEY_ID_OCTETS
    cuts = [end - index for index, end in enumerate(_HYPHENS)]
    parts = (digits[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True))
    return KeyId("-".join(parts).lower())
