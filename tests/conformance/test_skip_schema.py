"""The published OpenAPI document of SKIP against the face: what the document allows, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from keytwin.service.skip_openapi import openapi
from tests.conformance.running import Network
from tests.conformance.test_schema import EXAMPLES, Case, as_published, session_of
from tests.marks import clause, invariant

DOCUMENT = "IETF draft-cisco-skip-02"
SCHEMA: Final = schemathesis.openapi.from_dict(openapi(), config=schemathesis.Config(seed=1))
OPERATIONS: Final = [
    pytest.param(path, mode, id=f"{path} {mode.value}")
    for path in SCHEMA
    for mode in GenerationMode
    if not (path == "/capabilities" and mode is GenerationMode.NEGATIVE)  # it takes nothing that could be wrong
]


@pytest.fixture(scope="module")
def probing(selfpair: Network) -> Iterator[requests.Session]:
    with session_of(selfpair, "probe") as made:
        yield made


@pytest.mark.slow
@clause(DOCUMENT, "Table 2")
@invariant("Z9")
@pytest.mark.parametrize(("path", "mode"), OPERATIONS)
def test_skip_does_as_its_document_says(
    selfpair: Network, probing: requests.Session, path: str, mode: GenerationMode
) -> None:
    operation, url = SCHEMA[path]["GET"], selfpair.sae("probe").url
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(shallow=operation.as_strategy(mode), deep=operation.as_strategy(mode))
    def probe(shallow: Case, deep: Case) -> None:
        seen.add(as_published(probing, shallow, url))
        if "remoteSystemID" in deep.query:
            deep.query["remoteSystemID"] = "probe"
        seen.add(as_published(probing, deep, url))

    probe()
    assert seen <= {200, 400, 404, 405, 414, 503}
    assert seen & ({200} if path in {"/capabilities", "/entropy"} and mode is GenerationMode.POSITIVE else {400, 405})
