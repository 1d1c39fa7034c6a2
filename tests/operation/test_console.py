"""The operator's side of the operator face, over real mutual TLS; and what it says when something is in the way."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from keytwin.operation.calls import LARGEST_ANSWER, Caller, leaf_files
from keytwin.operation.certification import OPERATOR, sae_identity
from keytwin.operation.console import Console
from keytwin.operation.whereabouts import Run, Whereabouts
from keytwin.runtime.identities import Role
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.pki import Authority
from keytwin.service.http import Request, Response
from keytwin.service.operator import answer
from keytwin.vocabulary.errors import FileMistake, Mistake, Refusal
from keytwin.vocabulary.identity import SaeId
from tests.fakes.operations import FILES, STATUS, FakeOperations
from tests.operation.faces import authority, credentials, face, issued


@dataclass
class Desk:
    """A console, the network behind its face, and what answers instead of it when a test says so."""

    network: FakeOperations
    authority: Authority
    instead: Response | None = None

    console: Console = None  # type: ignore[assignment]  # set once there is a face to reach

    def answering(self, request: Request) -> Response:
        return self.instead or answer(request, self.network)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = authority(tmp_path_factory.mktemp("authority"))
    desk = Desk(FakeOperations(), made)
    with face(issued(made, Role.ELEMENT, "control"), desk.answering) as url:
        desk.console = Console(where(url, issued(made, Role.OPERATOR, "operator")))
        yield desk


@pytest.fixture
def desk(shared: Desk) -> Desk:
    shared.network.done.clear()
    shared.network.refusal = None
    shared.instead = None
    return shared


def where(url: str, files: LeafFiles) -> Whereabouts:
    run = Run("pair", "0", 7, "2026-11-22T15:00:00Z", url, "127.0.0.1", 10140, 1.0, credentials(files))
    return Whereabouts(Path("/state"), run)


# --- what it asks -----------------------------------------------------------------------------------------------------


def test_asks_for_the_network_its_events_and_metrics(desk: Desk) -> None:
    assert desk.console.status() == STATUS
    assert desk.console.events(4).last == 5
    assert desk.console.metrics() == "keytwin_keys 1\n"


def test_commands_arrive_as_meant(desk: Desk) -> None:
    console = desk.console
    console.fault("a--b", "cut")
    console.attack("a--b", 0.2)
    console.fault("a--b", "heal")
    console.trust("a", trusted=False)
    assert console.issue("alice").files == FILES
    assert console.issue("alice", "PEM").chain == "chain"
    assert console.revoke("alice").certificates == 2
    console.stop()
    assert desk.network.done == [
        ("cut", "a--b"),
        ("attack", "a--b", 0.2),
        ("heal", "a--b"),
        ("trust", "a", False),
        ("issue", "alice", None),
        ("issue", "alice", b"PEM"),
        ("revoke", "alice"),
        ("stop",),
    ]


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_mistake_stays_a_mistake_and_a_refusal_a_refusal(desk: Desk) -> None:
    with pytest.raises(Mistake, match="'a' is not a link"):
        desk.console.fault("a", "cut")
    desk.network.refusal = Mistake("no such link")
    with pytest.raises(Mistake, match="no such link"):
        desk.console.fault("a--c", "cut")
    desk.network.refusal = Refusal("stopping")
    with pytest.raises(Refusal, match="stopping"):
        desk.console.fault("a--b", "cut")
    with pytest.raises(Refusal, match="stopping"):
        desk.console.status()


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (Response(401), "does not take .*certificate.pem for that of its operator"),
        (Response(404, (), b'{"message": "no such resource"}'), "no such resource"),
        (Response(500, (), b"<html>"), "does not answer as this version"),
        (Response(200, (), b"<html>"), "does not answer as this version"),
        (Response(200, (), b"{}"), "does not answer as this version"),
        (Response(200, (), b" " * (LARGEST_ANSWER + 1)), "more than 16777216 octets"),
    ],
)
def test_strange_answers_are_refusals(desk: Desk, response: Response, why: str) -> None:
    desk.instead = response
    with pytest.raises(Refusal, match=why):
        desk.console.status()


def test_a_network_that_is_gone(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = where(f"https://127.0.0.1:{port}", desk.authority.files_of(OPERATOR))
    with pytest.raises(Refusal, match="not running any more"):
        Console(gone).status()


def test_one_that_does_not_answer(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Refusal, match=r"did not answer within 0\.05 s"):
            Caller(url, desk.authority.files_of(OPERATOR), patience=0.05).ask("GET", "/")


def test_one_that_closes_without_an_answer(desk: Desk) -> None:
    with (
        face(desk.authority.files_of(issued(desk.authority, Role.KM, "a").identity), lambda _: None) as url,
        pytest.raises(Refusal, match="closed the connection on the certificate of operator/operator"),
    ):
        Caller(url, desk.authority.files_of(OPERATOR)).ask("GET", "/")


def test_a_face_of_somebody_else_is_not_to_be_trusted(desk: Desk, tmp_path: Path) -> None:
    stranger = issued(authority(tmp_path, "other"), Role.ELEMENT, "control")
    # It shows its own certificate, and would even take ours.
    files = replace(stranger, trusted=desk.authority.trusted, revoked=desk.authority.revoked)
    with face(files, desk.answering) as url, pytest.raises(Refusal, match="is not to be trusted: "):
        Console(where(url, desk.authority.files_of(OPERATOR))).status()


def test_a_revoked_certificate_is_told_with_the_remedy(desk: Desk, tmp_path: Path) -> None:
    made = authority(tmp_path)
    files = issued(made, Role.SAE, "alice")
    made.revoke_identity(files.identity, datetime.now(UTC))
    with (
        face(issued(made, Role.KM, "a"), desk.answering) as url,
        pytest.raises(Refusal, match=r"refused the certificate of sae/alice .*revoked.*keytwin sae add"),
    ):
        Caller(url, files).ask("GET", "/")


def test_files_that_are_missing_are_named(desk: Desk, tmp_path: Path) -> None:
    copied = tmp_path / "certificate.pem"
    shutil.copy(desk.authority.files_of(OPERATOR).certificate, copied)
    files = replace(desk.authority.files_of(OPERATOR), certificate=copied, key=tmp_path / "none.pem")
    with pytest.raises(FileMistake, match=r"none\.pem"):
        Caller("https://127.0.0.1:1", files)


def test_nobody_acts_as_an_sae_whose_key_is_with_its_owner() -> None:
    files = msgspec.structs.replace(FILES, key="")
    with pytest.raises(Refusal, match="the key of sae/alice is with its owner"):
        leaf_files(sae_identity(SaeId("alice")), files)
