"""The commands for a live network against one face over real mutual TLS that answers as each test says."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from keytwin.cli import main
from keytwin.cli.exits import Exit
from keytwin.operation.whereabouts import Claim, Run
from keytwin.runtime.identities import Role
from keytwin.service.http import Request, Response
from keytwin.service.operator import answer
from keytwin.service.operator_values import ElementStatus, EventPage, NetworkStatus, SaeStatus
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.identity import ElementName, NodeId, SaeId
from keytwin.vocabulary.key import KeyMode
from tests.fakes.operations import STATUS, FakeOperations
from tests.operation.faces import authority, credentials, face, issued

Shell = Callable[..., tuple[int, str, str]]
KEY_ID = "0b9f0a46-52a8-4a8c-9f0e-8a8f3b1a7c11"
ONE, OTHER = bytes(32), bytes(31) + b"\x01"


class Network(FakeOperations):
    """A network whose status a test may set."""

    told: NetworkStatus = STATUS
    page: EventPage | None = None

    def status(self) -> NetworkStatus:
        super().status()
        return self.told

    def events(self, after: int, limit: int) -> EventPage:
        page = super().events(after, limit)
        if self.page is None:
            return page
        return self.page if after == 0 else EventPage((), after)


@dataclass
class Stage:
    """One face that is operator face and key manager at once."""

    home: Path
    claim: Claim
    network: Network = field(default_factory=Network)
    keys: dict[str, bytes] = field(default_factory=dict)  # what each method gives out

    def answering(self, request: Request) -> Response:
        method = request.path.rpartition("/")[2]
        if method in self.keys:
            entry = {"key_ID": KEY_ID, "key": base64.b64encode(self.keys[method]).decode()}
            return Response(200, (), json.dumps({"keys": [entry]}).encode())
        return answer(request, self.network)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, NetworkStatus]]:
    home = tmp_path_factory.mktemp("home")
    made = authority(home / "authority")
    with Claim(home / "keytwin" / "pair") as claim:
        stage = Stage(home, claim)
        with face(issued(made, Role.KM, "a"), stage.answering) as url:
            operator = credentials(issued(made, Role.OPERATOR, "operator"))
            claim.announce(Run("pair", "0", os.getpid(), STATUS.started, url, "127.0.0.1", 10140, 1.0, operator))
            (first,) = STATUS.saes
            alice = msgspec.structs.replace(first, url=url, files=credentials(issued(made, Role.SAE, "alice")))
            bob = SaeStatus(
                SaeId("bob"),
                first.app,
                NodeId("b"),
                first.sae,
                first.node,
                url,
                credentials(issued(made, Role.SAE, "bob")),
            )
            yield stage, msgspec.structs.replace(STATUS, saes=(alice, bob))


@pytest.fixture
def stage(shared: tuple[Stage, NetworkStatus]) -> Stage:
    stage, told = shared
    stage.network = Network()
    stage.network.told = told
    stage.keys = {"enc_keys": ONE, "dec_keys": ONE}
    return stage


@pytest.fixture
def shell(stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(stage.home))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


# --- keys -------------------------------------------------------------------------------------------------------------


def test_equal_keys_are_a_success(shell: Shell) -> None:
    code, out, err = shell("key", "get", "talk")
    assert (code, err) == (Exit.OK, "")
    assert "talk: alice at a asked, bob at b fetched\n" in out
    assert "1 of 1 key equal at both ends\n" in out
    assert ONE.hex() not in out


def test_unequal_keys_are_a_failure_with_both_fingerprints(stage: Stage, shell: Shell) -> None:
    stage.keys["dec_keys"] = OTHER
    code, out, err = shell("key", "get", "talk", "--show")
    assert (code, err) == (Exit.FAILED, f"failed: {KEY_ID} is not equal at both ends\n")
    assert "0 of 1 key equal at both ends\n" in out
    assert f"{KEY_ID} {ONE.hex()}\n{KEY_ID} {OTHER.hex()}\n" in out


# --- the network ------------------------------------------------------------------------------------------------------


def test_what_is_not_healthy_is_a_failure(stage: Stage, shell: Shell) -> None:
    assert shell("status")[0] == Exit.OK
    stopped = ElementStatus(ElementName("km/b"), "stopped")
    stage.network.told = msgspec.structs.replace(stage.network.told, is_healthy=False, elements=(stopped,))
    code, out, _ = shell("status")
    assert (code, "km/b is stopped\n" in out) == (Exit.FAILED, True)
    code, out, _ = shell("status", "--json")
    assert (code, json.loads(out)["is_healthy"]) == (Exit.FAILED, False)


def test_what_keys_are_made_of_is_told_where_it_is_not_quantum_key_alone(stage: Stage, shell: Shell) -> None:
    assert "made of" not in shell("status")[1]
    alice, bob = (
        msgspec.structs.replace(each, mode=KeyMode.HYBRID_XOR, is_fallen_back=each.sae == "bob")
        for each in stage.network.told.saes
    )
    stage.network.told = msgspec.structs.replace(stage.network.told, saes=(alice, bob))
    _, out, _ = shell("status")
    rows = {words[0]: words for line in reversed(out.splitlines()) if (words := line.split())}
    assert rows["SAE"][-2:] == ["made", "of"]
    assert rows["alice"][-1] == "hybrid-xor"
    assert rows["bob"][-2:] == ["now", "pqc-only"]


def test_status_as_json_has_every_path(stage: Stage, shell: Shell) -> None:
    told = json.loads(shell("status", "--json")[1])
    assert msgspec.convert(told, NetworkStatus) == stage.network.told


def test_events_that_are_gone_are_counted(stage: Stage, shell: Shell) -> None:
    event = b'{"at":0,"element":"km/a","type":"KeysRelayed","node":"a","ksid":"k","number":3}'
    stage.network.page = msgspec.json.decode(
        b'{"events": [{"number": 8, "event": %s}], "last": 8, "missed": 7}' % event, type=EventPage
    )
    code, out, err = shell("events")
    assert (code, err) == (Exit.OK, "7 events kept no longer\n")
    assert out == "00:00:00.000000 km/a             KeysRelayed        node=a ksid=k number=3\n"
    assert shell("events", "--json")[1] == event.decode() + "\n"


def test_metrics_are_printed_as_they_come(shell: Shell) -> None:
    assert shell("metrics") == (Exit.OK, "keytwin_keys 1\n", "")


@pytest.mark.parametrize(
    ("words", "done", "said"),
    [
        (("fail", "link", "a--b"), ("cut", "a--b"), "the quantum channel of a--b is cut\n"),
        (
            ("attack", "link", "a--b", "error-rate", "0.2"),
            ("attack", "a--b", 0.2),
            "an attack flips 20 % of the bits of a--b\n",
        ),
        (("heal", "link", "a -- b/fibre"), ("heal", "a--b/fibre"), "the quantum channel of a--b/fibre is whole\n"),
        (("distrust", "a"), ("trust", "a", False), "a is trusted no longer\n"),
        (("trust", "a"), ("trust", "a", True), "a is trusted\n"),
        (("sae", "revoke", "alice"), ("revoke", "alice"), "2 certificates of alice revoked\n"),
    ],
)
def test_what_the_operator_does_arrives(
    stage: Stage, shell: Shell, words: tuple[str, ...], done: tuple[object, ...], said: str
) -> None:
    assert shell(*words) == (Exit.OK, said, "")
    assert stage.network.done == [done]


def test_an_attack_is_by_error_rate_and_that_is_a_share(stage: Stage, shell: Shell) -> None:
    for words in (("noise", "0.2"), ("error-rate", "2"), ("error-rate", "much"), ("error-rate",)):
        assert shell("attack", "link", "a--b", *words)[0] == Exit.MISTAKE
    code, _, err = shell("attack", "link", "a--b", "error-rate", "60 %")
    assert (code, "0.0001 to 0.5" in err, stage.network.done) == (Exit.MISTAKE, True, [])


def test_a_new_certificate_is_told_with_its_files(stage: Stage, shell: Shell) -> None:
    code, out, _ = shell("sae", "add", "alice")
    assert (code, stage.network.done) == (Exit.OK, [("issue", "alice", None)])
    assert "certificate /state/leaves/alice/certificate.pem\n" in out


def test_a_certificate_for_a_key_of_the_owners_goes_to_stdout_alone(stage: Stage, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "own.csr").write_text("PEM")
    code, out, err = shell("sae", "add", "alice", "--request", "own.csr")
    assert (code, out, stage.network.done) == (Exit.OK, "chain", [("issue", "alice", b"PEM")])
    assert "whom it trusts: /state/ca.pem" in err


def test_a_refusal_of_the_network_is_one_of_the_command(stage: Stage, shell: Shell) -> None:
    stage.network.refusal = Refusal("stopping")
    assert shell("status") == (Exit.REFUSED, "", "keytwin: stopping\n")
    assert shell("distrust", "a") == (Exit.REFUSED, "", "keytwin: stopping\n")


def test_a_network_that_does_not_stop_is_told_with_its_process(
    stage: Stage, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["keytwin.cli.up"], "LONGEST_STOP", 0.02)
    code, out, err = shell("down")
    assert (code, out, stage.network.done) == (Exit.REFUSED, "", [("stop",)])
    assert f"process {os.getpid()} still runs" in err
