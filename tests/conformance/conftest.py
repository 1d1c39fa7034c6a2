"""Two live networks for the whole run of a test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.running import Network, started


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Four nodes in a line: near-a and near-b adjacent, far-a and far-b two hops apart, other-b at near-b's node."""
    with started(str(Path(__file__).with_name("line.yaml")), tmp_path_factory.mktemp("line")) as network:
        yield network


@pytest.fixture(scope="session")
def selfpair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The example whose SAE `probe` is master and slave of itself."""
    with started("selfpair", tmp_path_factory.mktemp("selfpair")) as network:
        yield network
