"""The published document says what the SKIP face does: same paths, verbs, parameters, limits and codes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keytwin.service.etsi014_values import AskKeys
from keytwin.service.http import Request, Response
from keytwin.service.skip import capabilities, decode, encode, entropy
from keytwin.service.skip_openapi import openapi
from keytwin.service.skip_values import AskCapabilities, AskEntropy, SkipLimits
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.units import Bits
from tests.files.json_schema import offences
from tests.marks import clause
from tests.service.asking import CALLER, FIRST_ID, PEER, key

DOCUMENT = "IETF draft-cisco-skip-02"
LIMITS = SkipLimits(key_size=Bits(512), entropy=Bits(1024))
PAGE: dict[str, Any] = openapi(LIMITS)
FRESH = AskKeys(CALLER, PEER, 1, Bits(256))


def schema_of(path: str) -> dict[str, Any]:
    """Return the schema of a good answer."""
    reference = PAGE["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    found = PAGE["components"]["schemas"][reference.rpartition("/")[2]]
    assert isinstance(found, dict)
    return found


def test_the_document_is_openapi_3_1_and_plain_json() -> None:
    assert PAGE["openapi"] == "3.1.0"
    assert json.loads(json.dumps(PAGE)) == PAGE
    assert openapi() != PAGE
    assert PAGE["security"] == [{"certificate": []}]


@clause(DOCUMENT, "Table 2")
def test_what_is_published_is_served_and_nothing_else() -> None:
    assert [*PAGE["paths"]] == ["/capabilities", "/key", "/key/{keyId}", "/entropy"]
    for path, item in PAGE["paths"].items():
        target = path.replace("{keyId}", "ab" * 16) + "?remoteSystemID=SAE-B"
        for verb in ("GET", "POST", "HEAD"):
            found = decode(CALLER, (PEER,), Request(verb, target), LIMITS)
            assert isinstance(found, Response) == (verb.lower() not in item)


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(("path", "name", "most"), [("/key", "size", 512), ("/entropy", "minentropy", 1024)])
def test_the_limits_of_the_face_are_published(path: str, name: str, most: int) -> None:
    (found,) = [each["schema"] for each in PAGE["paths"][path]["get"]["parameters"] if each["name"] == name]
    assert (found["maximum"], found["default"]) == (most, 256)
    least = found["minimum"]
    for amount, is_taken in ((least, True), (most, True), (least - 1, False), (most + 8, False)):
        target = f"{path}?remoteSystemID=SAE-B&{name}={amount}"
        assert isinstance(decode(CALLER, (PEER,), Request("GET", target), LIMITS), Response) != is_taken


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/capabilities", capabilities(AskCapabilities(CALLER), (PEER,))),
        ("/key", encode(FRESH, KeyDelivered("r1", (key(FIRST_ID, bytes(32)),)))),
        ("/key/{keyId}", encode(FRESH, KeyDelivered("r1", (key(FIRST_ID, bytes(32)),)))),
        ("/entropy", entropy(AskEntropy(), bytearray(32))),
    ],
)
def test_an_answer_fits_its_schema(path: str, answer: Response) -> None:
    schema = schema_of(path)
    told = json.loads(answer.body)
    assert list(offences(told, schema)) == []
    assert told.keys() == schema["properties"].keys() == set(schema["required"])
    assert list(offences(dict.fromkeys(told), schema))


def test_each_operation_names_the_codes_that_are_answered() -> None:
    for item in PAGE["paths"].values():
        assert item["get"]["responses"].keys() == {"200", "400", "401", "404", "405", "414", "503"}
        assert "content" not in item["get"]["responses"]["401"]
        assert "Retry-After" in item["get"]["responses"]["503"]["headers"]
