"""The published document says what the face does: same paths, verbs, members, limits and codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from keytwin.service.etsi014 import decode, encode
from keytwin.service.etsi014_openapi import openapi
from keytwin.service.etsi014_values import AskStatus, Limits
from keytwin.service.http import Request, Response
from keytwin.service.strict_json import Json
from keytwin.vocabulary.exchange_messages import PoolStatus
from keytwin.vocabulary.identity import KmId, Ksid
from keytwin.vocabulary.units import Bits
from tests.files.json_schema import offences
from tests.marks import clause
from tests.service.asking import CALLER, FIRST_ID, PEER

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
LIMITS = Limits(keys=5, key_size=Bits(512), slaves=3)
PAGE = openapi(LIMITS)
VERBS = {"get", "post"}


def at(pointer: str) -> Json:
    """Follow a JSON pointer through the document."""
    found: Json = PAGE
    for name in pointer.removeprefix("#/").split("/"):
        found = cast(dict[str, Json], found)[name.replace("~1", "/")]
    return found


def members(pointer: str) -> dict[str, Json]:
    found = at(pointer)
    assert isinstance(found, dict)
    return found


def references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (str(target) for name, target in value.items() if name == "$ref")
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_document_is_openapi_3_1_and_plain_json() -> None:
    assert str(PAGE["openapi"]).startswith("3.1.")
    assert json.loads(json.dumps(PAGE)) == PAGE
    assert openapi() == openapi()


@clause(DOCUMENT, "Table 2")
def test_the_paths_and_verbs_are_those_of_the_standard() -> None:
    paths = members("#/paths")
    assert {path: sorted(VERBS & cast(dict[str, Json], item).keys()) for path, item in paths.items()} == {
        "/api/v1/keys/{slave_SAE_ID}/status": ["get"],
        "/api/v1/keys/{slave_SAE_ID}/enc_keys": ["get", "post"],
        "/api/v1/keys/{master_SAE_ID}/dec_keys": ["get", "post"],
    }


def test_what_is_published_is_served_and_nothing_else() -> None:
    for path, item in members("#/paths").items():
        target = path.replace("{slave_SAE_ID}", "SAE-B").replace("{master_SAE_ID}", "SAE-B")
        for verb in ("GET", "POST", "PUT", "HEAD"):
            found = decode(CALLER, Request(verb, target), LIMITS)
            refused = isinstance(found, Response) and found.status in {404, 405}
            assert refused == (verb.lower() not in cast(dict[str, Json], item))


def test_each_reference_leads_somewhere() -> None:
    found = set(references(PAGE))
    assert found
    assert all(at(pointer) for pointer in found)


def test_names_of_operations_are_unique() -> None:
    names = [
        str(cast(dict[str, Json], operation)["operationId"])
        for item in members("#/paths").values()
        for verb, operation in cast(dict[str, Json], item).items()
        if verb in VERBS
    ]
    assert sorted(names) == ["get_dec_keys", "get_enc_keys", "get_status", "post_dec_keys", "post_enc_keys"]


@clause(DOCUMENT, "Table 10")
def test_the_members_of_a_key_request_are_those_of_the_standard() -> None:
    schema = "#/components/schemas/KeyRequest"
    assert members(f"{schema}/properties").keys() == {
        "number",
        "size",
        "additional_slave_SAE_IDs",
        "extension_mandatory",
        "extension_optional",
    }
    assert not members(schema)["required"]


@clause(DOCUMENT, "Table 12")
def test_the_members_of_key_ids_are_those_of_the_standard() -> None:
    assert members("#/components/schemas/KeyIds/properties").keys() == {"key_IDs", "key_IDs_extension"}
    assert members("#/components/schemas/NamedKey/properties").keys() == {"key_ID", "key_ID_extension"}


def test_the_limits_of_the_face_are_published() -> None:
    wanted = "#/components/schemas/KeyRequest/properties/"
    assert (at(wanted + "number/minimum"), at(wanted + "number/maximum")) == (1, 5)
    assert (at(wanted + "size/multipleOf"), at(wanted + "size/maximum")) == (8, 512)
    assert at(wanted + "additional_slave_SAE_IDs/maxItems") == 3
    assert at("#/components/schemas/KeyIds/properties/key_IDs/maxItems") == 5


@clause(DOCUMENT, "Table 9")
def test_a_status_fits_its_schema() -> None:
    pool = PoolStatus("r1", Ksid(FIRST_ID), KmId("a"), KmId("b"), Bits(256), Bits(64), Bits(512), 3, 9, 2)
    answer = encode(AskStatus(CALLER, PEER), pool)
    schema = members("#/components/schemas/Status")
    status = json.loads(answer.body)
    assert list(offences(status, schema)) == []
    assert status.keys() == members("#/components/schemas/Status/properties").keys()
    assert list(offences(status | {"key_size": "256"}, schema))


@clause(DOCUMENT, "Table 13")
def test_an_error_fits_its_schema() -> None:
    answer = decode(CALLER, Request("GET", "/nowhere"))
    assert isinstance(answer, Response)
    assert list(offences(json.loads(answer.body), members("#/components/schemas/Error"))) == []


@clause(DOCUMENT, "Table 8")
def test_each_operation_names_the_codes_of_the_standard() -> None:
    for path, item in members("#/paths").items():
        for verb in VERBS & cast(dict[str, Json], item).keys():
            responses = members(f"#/paths/{path.replace('/', '~1')}/{verb}/responses")
            assert responses.keys() >= {"200", "400", "401", "503"}
            assert "content" not in cast(dict[str, Json], responses["401"])
            assert "Retry-After" in cast(dict[str, Json], cast(dict[str, Json], responses["503"])["headers"])


def test_the_certificate_is_the_only_way_in() -> None:
    assert at("#/components/securitySchemes") == {"certificate": {"type": "mutualTLS"}}
    assert PAGE["security"] == [{"certificate": []}]
