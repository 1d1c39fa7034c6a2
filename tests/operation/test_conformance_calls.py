"""Questions to a stranger over real TLS: whatever it does is a reply, and only our own files are mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keytwin.operation.conformance_calls import PATIENCE, Papers, Party, Visitor, address_of, target_of, visitor_of
from keytwin.runtime.identities import Role
from keytwin.runtime.leaves import LeafFiles
from keytwin.service.http import Request, Response
from keytwin.vocabulary.errors import Mistake
from tests.operation.faces import authority, face, issued


@dataclass
class Stage:
    """One face, the papers of an SAE of its authority, and what is answered next."""

    url: str
    papers: Papers
    trusted: Path
    stranger: LeafFiles
    answer: Response | None = None

    def visitor(self) -> Visitor:
        return visitor_of(Party("alice", self.url, self.trusted, self.papers))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = authority(tmp_path_factory.mktemp("authority"))
    alice = issued(made, Role.SAE, "alice")
    stranger = issued(authority(tmp_path_factory.mktemp("other")), Role.SAE, "alice")
    stage: Stage

    def answering(request: Request) -> Response | None:
        del request
        return stage.answer

    with face(issued(made, Role.KM, "a"), answering) as url:
        stage = Stage(url, Papers(alice.certificate, alice.key), alice.trusted, stranger)
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Stage:
    shared.answer = Response(200, (("Content-Type", "application/json"),), b"{}")
    return shared


def test_an_answer_is_kept_as_it_came(stage: Stage) -> None:
    stage.answer = Response(503, (("Content-Type", "text/odd"), ("Retry-After", "7")), b"<odd>")
    reply = stage.visitor().ask("POST", "/", b"{}")
    assert (reply.status, reply.content_type, reply.body, reply.retry_after) == (503, "text/odd", b"<odd>", 7)
    assert reply.told == "503"
    assert "odd>" not in repr(reply)


@pytest.mark.parametrize("later", ["soon", "-1", "1.5", "9" * 400, "\u0663".encode().decode("latin-1")])
def test_a_retry_after_that_is_none_is_passed_over(stage: Stage, later: str) -> None:
    stage.answer = Response(503, (("Retry-After", later),))
    assert stage.visitor().ask("GET", "/").retry_after is None


def test_a_connection_that_is_closed_is_a_reply(stage: Stage) -> None:
    stage.answer = None
    reply = stage.visitor().ask("GET", "/")
    assert reply.status == 0
    assert reply.told.startswith("no answer (")


def test_nobody_listening_is_a_reply(stage: Stage) -> None:
    reply = Visitor("https://127.0.0.1:1", stage.trusted, stage.papers).ask("GET", "/")
    assert (reply.status, reply.is_refused_in_tls) == (0, False)
    assert "refused" in reply.why


def test_who_has_no_certificate_or_a_strangers_is_refused_in_tls(stage: Stage) -> None:
    for papers in (None, Papers(stage.stranger.certificate, stage.stranger.key)):
        reply = Visitor(stage.url, stage.trusted, papers).ask("GET", "/")
        assert (reply.status, reply.is_refused_in_tls) == (0, True)


def test_a_face_of_an_authority_that_is_not_trusted_is_asked_nothing(stage: Stage) -> None:
    reply = Visitor(stage.url, stage.stranger.trusted, stage.papers).ask("GET", "/")
    assert reply.status == 0
    assert "certificate verify failed" in reply.why


def test_a_face_under_another_name_is_asked_nothing(stage: Stage) -> None:
    reply = Visitor(stage.url.replace("127.0.0.1", "127.0.0.2"), stage.trusted, stage.papers).ask("GET", "/")
    assert reply.status == 0


@pytest.mark.parametrize("missing", ["certificate", "key", "trusted"])
def test_files_that_are_none_are_mistakes(stage: Stage, missing: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no PEM")
    for path in (broken, tmp_path / "nowhere"):
        files = {"certificate": stage.papers.certificate, "key": stage.papers.key, "trusted": stage.trusted}
        files[missing] = path
        with pytest.raises(Mistake, match=path.name):
            Visitor(stage.url, files["trusted"], Papers(files["certificate"], files["key"]))


@pytest.mark.parametrize(
    "url",
    [
        *("kme", "http://kme", "https://", "https://kme/api/v1/keys", "https://kme?x=1", "https://kme#x"),
        *("https://me@kme", "https://kme:port", "https://[kme", ""),
    ],
)
def test_a_url_is_a_host_and_nothing_else(url: str) -> None:
    with pytest.raises(Mistake, match="https://HOST"):
        address_of(url)


def test_a_url_may_leave_out_its_port_or_end_in_a_slash() -> None:
    assert address_of("https://kme.example/") == ("kme.example", None)
    assert address_of("https://[::1]:8443") == ("::1", 8443)


def test_an_sae_in_a_target_is_encoded_whole() -> None:
    assert target_of("a/b c", "enc_keys", {"number": 2}) == "/api/v1/keys/a%2Fb%20c/enc_keys?number=2"
    assert target_of("b", "dec_keys", {"key_ID": "x&y"}) == "/api/v1/keys/b/dec_keys?key_ID=x%26y"


def test_there_is_a_limit_to_patience() -> None:
    assert 0 < PATIENCE <= 60
