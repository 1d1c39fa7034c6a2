"""The published OpenAPI document of ETSI GS QKD 004 in JSON against the face: what it allows, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from keytwin.service.etsi004_openapi import openapi
from tests.conformance.running import Network
from tests.conformance.test_schema import EXAMPLES, Case, as_published, session_of
from tests.marks import clause, invariant

DOCUMENT: Final = "ETSI GS QKD 004 V2.1.1"
CALLER: Final = "app01-a"
SCHEMA: Final = schemathesis.openapi.from_dict(openapi(), config=schemathesis.Config(seed=1))
OPERATIONS: Final = [
    pytest.param(path, mode, id=f"{path.rpartition('/')[2]} {mode.value}") for path in SCHEMA for mode in GenerationMode
]


@pytest.fixture(scope="module")
def probing(selfpair: Network) -> Iterator[requests.Session]:
    with session_of(selfpair, CALLER) as made:
        yield made


@pytest.mark.slow
@clause(DOCUMENT, "6")
@invariant("Z9")
@pytest.mark.parametrize(("path", "mode"), OPERATIONS)
def test_the_face_does_as_its_document_says(
    selfpair: Network, probing: requests.Session, path: str, mode: GenerationMode
) -> None:
    operation, url = SCHEMA[path]["POST"], selfpair.sae(CALLER).url
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def probe(case: Case) -> None:
        seen.add(as_published(probing, case, url))
        if isinstance(case.body, dict) and "source" in case.body:
            # Ends that there are; a KSID of nobody's would wait for its peer.
            case.body |= {"source": "qkd://km0/app01-a", "destination": "qkd://km1/app01-b", "key_stream_id": None}
            seen.add(as_published(probing, case, url))

    probe()
    assert seen <= {200, 400, 404, 405, 413, 414, 415, 503}
    assert seen & ({200} if mode is GenerationMode.POSITIVE else {400, 405, 415})
