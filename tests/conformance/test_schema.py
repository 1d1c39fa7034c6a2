"""The published OpenAPI document against the face: schemathesis asks what the document allows, and what it does not.

Seeds are fixed and nothing is shrunk; a run in another order of tests may still make other requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from keytwin.service.etsi014_openapi import openapi
from tests.conformance.running import Network
from tests.conformance.speaking import PATIENCE, Answer
from tests.marks import clause, invariant

Case = schemathesis.Case[Any]
DOCUMENT = "ETSI GS QKD 014 V1.1.1"
EXAMPLES: Final = 15  # of each operation, mode and peer
SCHEMA: Final = schemathesis.openapi.from_dict(openapi(), config=schemathesis.Config(seed=1))
OPERATIONS: Final = [
    pytest.param(path, verb, mode, id=f"{verb} {path.rpartition('/')[2]} {mode.value}")
    for path, item in SCHEMA.items()
    for verb in item
    if verb in {"get", "post"}
    for mode in GenerationMode
    if not (path.endswith("/status") and mode is GenerationMode.NEGATIVE)  # of a path alone it makes nothing wrong
]
CHECKS: Final = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


@contextmanager
def session_of(network: Network, sae: str) -> Iterator[requests.Session]:
    """Speak as an SAE."""
    files = network.sae(sae).files
    with requests.Session() as made:
        made.trust_env = False  # else the environment's authorities take the place of ours
        made.cert, made.verify = (files.certificate, files.key), files.trusted
        yield made


@pytest.fixture(scope="module")
def session(selfpair: Network) -> Iterator[requests.Session]:
    with session_of(selfpair, "probe") as made:
        yield made


def as_published(session: requests.Session, case: Case, url: str) -> int:
    """Ask, and hold the answer to the document and to what holds for every answer."""
    response = case.call(base_url=url, session=session, timeout=PATIENCE, verify=session.verify)
    headers = {name.lower(): ",".join(values) for name, values in response.headers.items()}
    Answer(response.status_code, headers, response.content)  # sees to server errors: none but 503
    case.validate_response(response, checks=CHECKS)
    return response.status_code


@pytest.mark.slow
@clause(DOCUMENT, "Table 2")
@invariant("Z9")
@pytest.mark.parametrize(("path", "verb", "mode"), OPERATIONS)
def test_the_face_does_as_its_document_says(
    selfpair: Network, session: requests.Session, path: str, verb: str, mode: GenerationMode
) -> None:
    operation, url = SCHEMA[path][verb], selfpair.sae("probe").url
    peer = {path.split("{")[1].split("}", maxsplit=1)[0]: "probe"}
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # to find a smaller example takes minutes, and the first one is small enough
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode), deep=operation.as_strategy(mode, path_parameters=peer))
    def ask(case: Case, deep: Case) -> None:
        seen.update(as_published(session, each, url) for each in (case, deep))

    ask()
    assert seen <= {200, 400, 404, 405, 415, 503}
    assert 400 in seen  # whatever the mode: nobody but `probe` has keys in common with it
