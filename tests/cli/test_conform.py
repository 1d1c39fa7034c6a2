"""`keytwin conform` against a key manager of nobody's, over real mutual TLS: right, and with faults planted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from keytwin.cli import main
from keytwin.cli.exits import Exit
from keytwin.operation.conformance import CHECKS
from keytwin.operation.conformance_questions import MOST_KEYS
from keytwin.operation.conformance_stream_questions import MOST_CHUNKS
from keytwin.operation.conformance_streams import STREAM_CHECKS
from keytwin.runtime.identities import Role, identity_of
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.tls import server_context
from tests.fakes.foreign_kme import Fault, ForeignKme, served
from tests.fakes.foreign_streams import ForeignStreams, StreamFault, served_frames
from tests.marks import clause
from tests.operation.faces import authority, issued

Shell = Callable[..., tuple[int, str, str]]


@dataclass
class Stage:
    """One key manager and its two SAEs."""

    kme: ForeignKme
    alice: LeafFiles
    bob: LeafFiles
    carol: LeafFiles
    url: str = field(default="")
    streams: ForeignStreams = field(default_factory=ForeignStreams)
    json_url: str = ""
    frames_url: str = ""

    def stream_words(self, url: str, **other: str) -> list[str]:
        """Return the options of a whole examination of key streams."""
        third = {"other-cert": str(self.carol.certificate), "other-key": str(self.carol.key)}
        return [url, *self.words(**{"api": "004", **third, **other})[1:]]

    def words(self, **other: str) -> list[str]:
        """Return the options of a whole examination; those given "" are left out."""
        usual = {
            "master-sae": "alice",
            "cert": str(self.alice.certificate),
            "key": str(self.alice.key),
            "ca": str(self.alice.trusted),
            "slave-sae": "bob",
            "slave-cert": str(self.bob.certificate),
            "slave-key": str(self.bob.key),
            "wait": "0 s",
        }
        options = {**usual, **{name.replace("_", "-"): value for name, value in other.items()}}
        return [self.url, *(word for name, value in options.items() if value for word in (f"--{name}", value))]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = authority(tmp_path_factory.mktemp("authority"))
    stage = Stage(
        ForeignKme(), issued(made, Role.SAE, "alice"), issued(made, Role.SAE, "bob"), issued(made, Role.SAE, "carol")
    )

    def named(certificate: bytes) -> str:
        return identity_of(certificate, "pair").name

    context = server_context(issued(made, Role.KM, "a"))
    with (
        served(stage.kme, context, named) as stage.url,
        served(stage.streams, context, named) as stage.json_url,
        served_frames(stage.streams, context, named) as stage.frames_url,
    ):
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Stage:
    shared.kme.faults = shared.streams.faults = ()
    return shared


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run the command; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["conform", *words])
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


@clause("ETSI GS QKD 014 V1.1.1", "5.1")
def test_a_right_key_manager_passes(stage: Stage, shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell(*stage.words(junit="out.xml"))
    assert (code, err) == (Exit.OK, "")
    assert f"takes at most {MOST_KEYS} keys" in out
    assert f"{len(CHECKS)} passed, 0 failed that must not, 0 that should not, 0 skipped" in out
    assert f"{MOST_KEYS - 1} keys used" in out
    (suite,) = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314  # what we have just written ourselves
    assert len(suite) == len(CHECKS)


def test_a_fault_shows_in_exit_code_table_and_junit(stage: Stage, shell: Shell, tmp_path: Path) -> None:
    stage.kme.faults = (Fault.TWICE,)
    code, out, _ = shell(*stage.words(junit="out.xml"))
    assert code == Exit.FAILED
    (line,) = (line for line in out.splitlines() if line.startswith(" FAIL"))
    assert " ".join(line.split()) == "FAIL Table 8 must a key is fetched once"
    assert 'failures="1"' in (tmp_path / "out.xml").read_text()


def test_a_recommendation_that_is_not_followed_is_told_and_no_failure(stage: Stage, shell: Shell) -> None:
    stage.kme.faults = (Fault.OWN_WORDS,)
    code, out, _ = shell(*stage.words())
    assert code == Exit.OK
    assert "0 failed that must not, 1 that should not" in out


def test_json_is_one_document(stage: Stage, shell: Shell) -> None:
    code, out, err = shell(*stage.words(), "--json")
    told = json.loads(out)
    assert (code, err, told["passed"], told["master_url"]) == (Exit.OK, "", True, stage.url)
    assert {check["outcome"] for check in told["checks"]} == {"pass"}


def test_without_the_slaves_certificate_it_says_what_it_skips(stage: Stage, shell: Shell) -> None:
    code, out, _ = shell(*stage.words(slave_cert="", slave_key=""))
    assert code == Exit.OK
    assert "- the slave's certificate was not given" in out
    assert " 0 skipped" not in out


def test_one_sae_that_is_both_needs_no_second_certificate(stage: Stage, shell: Shell) -> None:
    code, out, _ = shell(*stage.words(slave_sae="alice", slave_cert="", slave_key=""))
    assert code == Exit.OK
    assert "the slave's certificate was not given" not in out
    assert "- master and slave are one SAE" in out


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"slave_key": ""}, "give both --slave-cert and --slave-key"),
        ({"slave_url": "http://elsewhere"}, "https://HOST"),
        ({"ca": "nowhere.pem"}, "nowhere.pem"),
        ({"junit": "out.yaml"}, "YAML"),
        ({"wait": "long"}, "long"),
        ({"source": "qkd://x/alice"}, "go with --api 004"),
    ],
)
def test_mistakes_are_named(stage: Stage, shell: Shell, other: dict[str, str], said: str) -> None:
    code, out, err = shell(*stage.words(**other))
    assert (code, out) == (Exit.MISTAKE, "") or other == {"ca": "nowhere.pem"}
    assert code == Exit.MISTAKE
    assert said in err


def test_nobody_there_is_refused(stage: Stage, shell: Shell) -> None:
    code, _, err = shell("https://127.0.0.1:1", *stage.words()[1:])
    assert code == Exit.REFUSED
    assert "gave no answer to alice" in err


def test_junit_into_no_folder_is_refused_before_a_key_is_used(stage: Stage, shell: Shell) -> None:
    made = stage.kme.made
    code, _, err = shell(*stage.words(junit="nowhere/out.xml"))
    assert code == Exit.REFUSED
    assert "no folder" in err
    assert stage.kme.made == made


# --- ETSI GS QKD 004 --------------------------------------------------------------------------------------------------


@clause("ETSI GS QKD 004 V2.1.1", "6")
@pytest.mark.slow
def test_right_key_streams_pass_in_frames_at_one_end_and_json_at_the_other(stage: Stage, shell: Shell) -> None:
    code, out, err = shell(*stage.stream_words(stage.frames_url, slave_url=stage.json_url))
    assert (code, err) == (Exit.OK, "")
    assert f"takes at most {MOST_CHUNKS} keys" in out
    assert f"{len(STREAM_CHECKS)} passed, 0 failed that must not, 0 that should not, 0 skipped" in out
    assert "ETSI GS QKD 004 V2.1.1" in out


@pytest.mark.slow
def test_a_fault_of_streams_shows_in_exit_code_table_junit_and_json(stage: Stage, shell: Shell, tmp_path: Path) -> None:
    stage.streams.faults = (StreamFault.JOIN_REFUSED,)  # nothing comes about, so that nothing is waited for
    code, out, _ = shell(*stage.stream_words(stage.json_url, junit="out.xml"), "--json")
    told = json.loads(out)
    assert (code, told["passed"], told["standard"]) == (Exit.FAILED, False, "ETSI GS QKD 004 V2.1.1")
    failed = {check["title"]: check["clause"] for check in told["checks"] if check["outcome"] == "fail"}
    assert failed["the peer joins with the KSID that the first end was given"] == "6, case 1"
    assert f'failures="{len(failed)}"' in (tmp_path / "out.xml").read_text()


@pytest.mark.parametrize(
    ("url", "other", "said"),
    [
        ("https://kme.example", {"slave_sae": "alice"}, "has two ends"),
        ("http://kme.example", {}, "tls://HOST:PORT"),
        ("tls://kme.example/path", {}, "tls://HOST:PORT"),
        ("tls://kme.example:x", {}, "is no URL"),
        ("tls://kme.example", {"slave_url": "kme"}, "tls://HOST:PORT"),
        ("tls://kme.example", {"other_key": ""}, "give both --other-cert and --other-key"),
        ("tls://kme.example", {"api": "015"}, "015"),
    ],
)
def test_mistakes_about_streams_are_named(
    stage: Stage, shell: Shell, url: str, other: dict[str, str], said: str
) -> None:
    code, out, err = shell(*stage.stream_words(url, **other))
    assert (code, out) == (Exit.MISTAKE, "")
    assert said in err


def test_no_stream_there_is_refused(stage: Stage, shell: Shell) -> None:
    code, _, err = shell(*stage.stream_words("tls://127.0.0.1:1"))
    assert code == Exit.REFUSED
    assert "gave no answer to alice" in err
