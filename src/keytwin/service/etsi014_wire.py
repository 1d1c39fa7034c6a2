"""The paths and data formats of ETSI GS QKD 014 V1.1.1 (Tables 2 and 9 to 13), declared once.

`etsi014` reads and writes by these declarations and `etsi014_openapi` publishes them. Members that nothing here
declares are ignored.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

PREFIX: Final = ("", "api", "v1", "keys")
ROOT: Final = f"{'/'.join(PREFIX)}/"
UUID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

JsonValue: TypeAlias = Annotated[object, Meta(extra_json_schema={"description": "any JSON value"})]
Extension: TypeAlias = dict[str, JsonValue]
Uuid: TypeAlias = Annotated[
    str, Meta(description="canonical lower-case UUID", extra_json_schema={"format": "uuid", "pattern": UUID_PATTERN})
]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Number: TypeAlias = Annotated[int, Meta(ge=1, description="keys asked for")]
Size: TypeAlias = Annotated[
    int, Meta(ge=1, description="bits of each key; key_size of Status by default", extra_json_schema={"multipleOf": 8})
]


class Route(msgspec.Struct, frozen=True):
    """One method of Table 2: the last segment of its path, its verbs, and the SAE named in the path."""

    name: str
    methods: tuple[str, ...]
    peer: str
    parameters: tuple[str, ...]
    summary: str


STATUS: Final = Route("status", ("GET",), "slave_SAE_ID", (), "Get status")
ENC_KEYS: Final = Route("enc_keys", ("GET", "POST"), "slave_SAE_ID", ("number", "size"), "Get key")
DEC_KEYS: Final = Route("dec_keys", ("GET", "POST"), "master_SAE_ID", ("key_ID",), "Get key with key IDs")
ROUTES: Final = MappingProxyType({route.name: route for route in (STATUS, ENC_KEYS, DEC_KEYS)})


class Status(
    msgspec.Struct,
    frozen=True,
    rename={
        "source_kme_id": "source_KME_ID",
        "target_kme_id": "target_KME_ID",
        "master_sae_id": "master_SAE_ID",
        "slave_sae_id": "slave_SAE_ID",
        "max_sae_id_count": "max_SAE_ID_count",
    },
):
    """Status, Table 9: what the caller, as master, may ask for keys in common with the slave. Sizes in bits."""

    source_kme_id: str
    target_kme_id: str
    master_sae_id: str
    slave_sae_id: str
    key_size: Count
    stored_key_count: Count
    max_key_count: Count
    max_key_per_request: Count
    max_key_size: Count
    min_key_size: Count
    max_sae_id_count: Count


class KeyRequest(msgspec.Struct, frozen=True, rename={"additional_slave_sae_ids": "additional_slave_SAE_IDs"}):
    """Key request, Table 10. No extension is known: a mandatory one is refused, an optional one passed over."""

    number: Number = 1
    size: Size | UnsetType = UNSET
    additional_slave_sae_ids: tuple[str, ...] = ()
    extension_mandatory: tuple[Extension, ...] = ()
    extension_optional: tuple[Extension, ...] = ()


class KeyEntry(msgspec.Struct, frozen=True, rename={"key_id": "key_ID"}):
    """One key of a key container: padded base64, and how it came to both ends."""

    key_id: Uuid
    key: Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]
    key_extension: Extension | UnsetType = UNSET


class KeyContainer(msgspec.Struct, frozen=True):
    """Key container, Table 11."""

    keys: tuple[KeyEntry, ...]


class NamedKey(msgspec.Struct, frozen=True, rename={"key_id": "key_ID", "key_id_extension": "key_ID_extension"}):
    """One entry of key_IDs."""

    key_id: Uuid
    key_id_extension: Extension | UnsetType = UNSET


class KeyIds(msgspec.Struct, frozen=True, rename={"key_ids": "key_IDs", "key_ids_extension": "key_IDs_extension"}):
    """Key IDs, Table 12; no extension is known, each is passed over."""

    key_ids: Annotated[tuple[NamedKey, ...], Meta(min_length=1)]
    key_ids_extension: Extension | UnsetType = UNSET


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """Error, Table 13."""

    message: str
    details: tuple[Extension, ...] = ()
