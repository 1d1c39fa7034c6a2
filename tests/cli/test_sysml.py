"""`keytwin sysml` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main
from keytwin.files.sysml_reference import toolkit_is_there

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


def edit(path: str, *changes: tuple[str, str]) -> None:
    text = Path(path).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    Path(path).write_text(text, encoding="utf-8")


def test_a_selection_is_exported_and_passes_the_check(shell: Shell) -> None:
    code, out, err = shell("sysml", "export", "long-range", "-o", "here")
    assert (code, err) == (0, "")
    assert "here: 8 files" in out
    assert "sysml check here" in out
    assert shell("sysml", "check", "here") == (0, "8 files: sound syntax, no rule broken\n", "")


def test_the_family_is_exported_when_nothing_is_selected(shell: Shell) -> None:
    assert shell("sysml", "export", "-o", "here")[:2][0] == 0
    assert not Path("here/configuration.sysml").exists()
    assert "variant action mdi : Mdi" in Path("here/family.sysml").read_text(encoding="utf-8")


def test_samples_are_folders_and_equal_for_equal_seeds(shell: Shell) -> None:
    for folder in ("one", "two"):
        code, out, _ = shell("sysml", "export", "--sample", "2", "--seed", "5", "-o", folder)
        assert code == 0
        assert "2 configurations, each in a folder" in out
    for name in ("0001/configuration.sysml", "0002/configuration.sysml"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "long-range", "--sample", "2", "-o", "x"), "leave the selection out"),
        (("export", "--sample", "0", "-o", "x"), "--sample takes 1 to 1000"),
        (("export", "no-such", "-o", "x"), "no-such"),
        (("check",), "name the files or folders"),
        (("check", "no.sysml"), "there is no file no.sysml"),
        (("read", "no.sysml"), "there is no file no.sysml"),
    ],
)
def test_what_cannot_be_done_is_a_mistake(shell: Shell, words: tuple[str, ...], said: str) -> None:
    code, _, err = shell("sysml", *words)
    assert code == 2
    assert said in err


def test_findings_come_with_place_and_remedy(shell: Shell) -> None:
    Path("a.sysml").write_text("package P {\n    part def A :> B;\n    part def B :> A;\n}\n", encoding="utf-8")
    code, out, err = shell("sysml", "check", "a.sysml")
    assert (code, out) == (2, "")
    assert err == "a.sysml:2:19: A specialises itself: A :> B :> A (remove one of these specialisations)\n1 finding\n"
    code, out, _ = shell("sysml", "check", "a.sysml", "--json")
    told = json.loads(out)
    assert (code, told["reference_elements"], told["findings"][0]["line"]) == (2, None, 2)


@pytest.mark.slow
@pytest.mark.skipif(not toolkit_is_there(), reason="the extra 'sysml' is not installed")
def test_the_reference_toolkit_is_asked(shell: Shell) -> None:
    Path("a.sysml").write_text("package P { part def A; part a : A; }", encoding="utf-8")
    code, out, _ = shell("sysml", "check", "a.sysml", "--reference")
    assert code == 0
    assert "the reference toolkit resolves every name among" in out
    edit("a.sysml", (": A;", ": B;"))
    code, _, err = shell("sysml", "check", "a.sysml", "--reference")
    assert code == 2
    assert "a.sysml:1:34: the reference toolkit finds nothing called B" in err


def test_what_was_edited_by_hand_is_told(shell: Shell) -> None:
    shell("sysml", "export", "long-range", "-o", "here")
    file = "here/configuration.sysml"
    code, out, _ = shell("sysml", "read", file)
    assert code == 0
    assert out.endswith("as keytwin would write it\n")
    edit(file, ("attribute :>> altitude = 500 [km];", "attribute :>> altitude = 600 [km] { doc /* higher */ }"))
    code, out, _ = shell("sysml", "read", file)
    assert code == 0
    flat = " ".join(out.split())
    assert "value qkdSystem as configured.satellite.altitude: 500 km -> 600 km" in flat
    assert "documentation qkdSystem as configured.satellite.altitude: nothing -> higher" in flat
    code, out, _ = shell("sysml", "read", file, "--json")
    told = json.loads(out)
    assert told["ovm"] == "qkd"
    assert "protocol.bb84" in told["chosen"]
    assert told["values"]["qkdSystem as configured.satellite.altitude"] == "600 km"
    assert [each["about"] for each in told["differences"]] == ["value", "documentation"]


def test_a_choice_that_does_not_go_with_the_others_is_refused_with_its_reason(shell: Shell) -> None:
    shell("sysml", "export", "long-range", "-o", "here")
    edit("here/configuration.sysml", ("protocol::bb84", "protocol::'twin-field'"))
    code, _, err = shell("sysml", "read", "here/configuration.sysml")
    assert code == 2
    assert "twin" in err.lower()


def test_files_that_are_no_configuration_are_told(shell: Shell) -> None:
    Path("a.sysml").write_text("package P;", encoding="utf-8")
    assert "holds no configuration" in shell("sysml", "read", "a.sysml")[2]
    Path("b.sysml").write_text("package P {", encoding="utf-8")
    code, _, err = shell("sysml", "read", "b.sysml")
    assert (code, err) == (2, "b.sysml:1:11: the '{' of this body is never closed (add the '}' that is missing)\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("part a", "m.sysml:1:6: 'part a' has no end"),
        ("part a : A;\n}", "m.sysml:2:1: a '}' closes nothing"),
        ("part 'a;\n", "m.sysml:1:6: this quote is never closed"),
        ("attribute a : LengthValue = 2 [s];", "m.sysml:1:32: a is given in s"),
        ("part def A { variant part b; }", "m.sysml:1:14: variant b lies outside a variation"),
        ("part a[3..1];", "m.sysml:1:8: a is to be at least 3 and at most 1"),
        ("part def A :> A;", "m.sysml:1:15: A specialises itself"),
    ],
)
def test_each_kind_of_mistake_is_told_with_its_place_and_fails(shell: Shell, text: str, told: str) -> None:
    Path("m.sysml").write_text(text, encoding="utf-8")
    code, out, err = shell("sysml", "check", "m.sysml")
    assert (code != 0, out) == (True, "")
    assert told in " ".join(err.split())
    assert json.loads(shell("sysml", "check", "m.sysml", "--json")[1])["findings"]


def test_a_folder_without_a_model_is_no_sound_model(shell: Shell) -> None:
    Path("empty").mkdir()
    code, _, err = shell("sysml", "check", "empty")
    assert code != 0
    assert "holds no .sysml file" in err


@pytest.mark.parametrize("text", ["part a", "part a;", ""])
def test_a_text_that_is_no_configuration_is_not_read_as_one(shell: Shell, text: str) -> None:
    Path("c.sysml").write_text(text, encoding="utf-8")
    code, out, err = shell("sysml", "read", "c.sysml")
    assert (code != 0, out) == (True, "")
    assert "has no end" in err or "holds no configuration" in err
