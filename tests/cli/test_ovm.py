"""`keytwin ovm` as a user types it, with right and wrong input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keytwin.cli import main, ovm_tree
from keytwin.cli import output as output_module
from keytwin.design import counting
from tests.design.foreign import foreign_uvl
from tests.files.test_ovm_xml import PHONE

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["ovm", *words])
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


def test_show_draws_a_tree_with_what_a_choice_makes_of_it(shell: Shell) -> None:
    code, out, err = shell("show", "qkd", "--choose", "protocol.twin-field", "--choose", "!detector")
    assert (code, err) == (0, "")
    for line in ("[x] twin-field  Twin-field QKD", "[+] untrusted-centre", "[+] terrestrial", " -  satellite"):
        assert line in out
    assert "        " in out
    assert "configurations left" in out
    assert "next:" in out
    assert "--choose protocol.twin-field --choose '!detector' --choose" in out


def test_show_tells_on_demand_what_everything_is(shell: Shell) -> None:
    _, plain, _ = shell("show", "coffee")
    _, told, _ = shell("show", "coffee", "--about")
    assert "Hot water is pressed through fine grounds." in told
    assert "heat-up 25 s" in told
    assert "pressed" not in plain
    assert "46 configurations" in plain


def test_show_draws_plain_signs_where_the_terminal_has_no_others(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovm_tree, "encoding", lambda: "ascii")
    assert output_module.encoding()
    assert "^ brewing: Brewing (exactly one; activity)" in shell("show", "coffee")[1]


def test_show_as_json_has_the_state_of_each_feature(shell: Shell) -> None:
    told = json.loads(shell("show", "paper-a", "--choose", "medium.satellite", "--json")[1])
    assert told["states"]["free-space.single"] == "forced"
    assert told["states"]["medium.satellite"] == "chosen"
    assert told["states"]["medium.terrestrial"] == "free"


def test_why_tells_the_reason_of_the_domain(shell: Shell) -> None:
    code, out, _ = shell("why", "qkd", "terrestrial.fibre", "--choose", "q-link.repeater")
    assert code == 0
    assert "terrestrial.fibre (Optical fibre) is forced" in out
    assert "you chose q-link.repeater (With entanglement swapping (QR))" in out
    assert "a chain of repeaters needs stations along its" in out
    assert "both with it and without it" in shell("why", "qkd", "terrestrial.fibre")[1]
    assert "that was chosen so" in shell("why", "qkd", "hybrid.ml-kem", "--choose", "hybrid.ml-kem")[1]
    told = json.loads(shell("why", "qkd", "control.peer", "--choose", "key-management.central", "--json")[1])
    assert (told["state"], told["choices"]) == ("dead", ["key-management.central"])


def test_count_is_exact_and_can_tell_shares(shell: Shell) -> None:
    assert shell("count", "qkd")[1] == "145,752,960\n"
    code, out, _ = shell("count", "paper-a", "--choose", "medium.satellite", "--shares")
    assert (code, out.splitlines()[0]) == (0, "12")
    assert " 33.3%  protocol.bb84" in out
    told = json.loads(shell("count", "coffee", "--json")[1])
    assert told["count"] == "46"


def test_solve_completes_wishes_and_marks_what_it_added(shell: Shell) -> None:
    code, out, _ = shell("solve", "qkd", "redundancy.dual-medium", "protocol.e91", "!q-link.direct")
    assert code == 0
    assert "redundancy.dual-medium\n" in out
    assert "free-space.single  (added)" in out
    assert "q-link.direct" not in out


def test_solve_tells_conflicts_with_reasons_and_all_minimal_repairs(shell: Shell) -> None:
    wishes = ("protocol.twin-field", "medium.satellite", "q-link.repeater")
    code, out, _ = shell("solve", "qkd", *wishes)
    assert code == 1
    assert "these wishes cannot all be met" in out
    assert "twin-field light of both ends interferes" in out
    assert out.endswith("to mend it, give up\n  protocol.twin-field\n  medium.satellite and q-link.repeater\n")
    code, out, _ = shell("solve", "qkd", *wishes, "--json")
    told = json.loads(out)
    assert code == 1
    assert told["repairs"] == [["protocol.twin-field"], ["medium.satellite", "q-link.repeater"]]
    assert [each["choices"] for each in told["conflicts"]] == [list(wishes[:2]), [wishes[0], wishes[2]]]


def test_solve_of_a_void_model_says_that_nothing_helps(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "void.uvl").write_text("features\n\tR\n\t\toptional\n\t\t\tA\nconstraints\n\tR & !R\n")
    code, out, _ = shell("solve", "void.uvl", "A")
    assert code == 1
    assert "nothing helps: there is no configuration at all" in out
    assert "R & !R" in out
    assert "configurations  0" in shell("facts", "void.uvl")[1]
    assert "R & !R" in shell("why", "void.uvl", "A")[1]


def test_sample_repeats_with_its_seed(shell: Shell) -> None:
    code, out, _ = shell("sample", "qkd", "--number", "5", "--seed", "3")
    assert code == 0
    assert len(out.partition("\n\n")[0].split("\n")) >= 5
    first = json.loads(shell("sample", "qkd", "--number", "5", "--json")[1])
    again = json.loads(shell("sample", "qkd", "--number", "5", "--seed", str(first["seed"]), "--json")[1])
    assert first == again
    assert len(first["configurations"]) == 5


def test_compare_measures_both_and_refuses_what_has_no_variation_points(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell("compare", "paper-a", "qkd")
    assert code == 0
    assert "145,752,960" in out
    told = json.loads(shell("compare", "paper-a", "coffee", "--json")[1])
    assert told["configurations"] == ["18", "46"]
    (tmp_path / "f.uvl").write_text("features\n\tR\n")
    code, _, err = shell("compare", "paper-a", "f.uvl")
    assert code == 2
    assert "f.uvl has no variation points and views to compare" in err


def test_export_writes_uvl_that_counts_the_same(shell: Shell) -> None:
    code, out, _ = shell("export", "coffee", "-o", "coffee.uvl")
    assert code == 0
    assert "wrote coffee.uvl" in out
    assert "configurations  46" in shell("facts", "coffee.uvl")[1]
    assert shell("export", "coffee")[1].startswith("namespace coffee\n")


def test_facts_tell_of_each_kind_of_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "phone.xml").write_text(PHONE)
    (tmp_path / "big.uvl").write_text(foreign_uvl(300))
    _, out, _ = shell("facts", "qkd")
    assert "variants          52" in out
    assert "architecture, protocol, q-link, medium" in out
    told = json.loads(shell("facts", "phone.xml", "--json")[1])
    assert (told["kind"], told["count"], told["features"]) == ("OVM XML", "18", 11)
    assert "300, in" in shell("facts", "big.uvl")[1]
    assert "(mandatory)" in shell("show", "big.uvl")[1]


def test_what_cannot_be_counted_or_was_left_out_is_said(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.uvl").write_text("features\n\tR\n\t\toptional\n\t\t\tA\nconstraints\n\tsum(x) < 3\n")
    _, out, err = shell("facts", "a.uvl")
    assert "at most 2" in out
    assert "left out: line 6" in err
    assert "the number is an upper bound" in shell("count", "a.uvl")[2]
    monkeypatch.setattr(counting, "SIZES", (16,))
    assert "is too entangled to count" in shell("facts", "qkd")[1]
    assert shell("count", "qkd")[0] == 2


def test_group_proposes_variation_points(shell: Shell) -> None:
    code, out, _ = shell("group", "qkd-knowledge")
    assert code == 0
    assert "1. BB84, MDI-QKD, Ekert (E91): activity view" in out
    assert "only some fix: trust" in out
    told = json.loads(shell("group", "qkd-knowledge", "--threshold", "1", "--json")[1])
    assert len(told["proposals"]) > 5
    assert shell("group", "qkd-knowledge", "--threshold", "0")[0] == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "qkdd"), "unknown OVM 'qkdd' (did you mean 'qkd'?"),
        (("show", "nowhere.uvl"), "there is no such file"),
        (("why", "qkd", "protocol.mdii"), "qkd has no variant 'protocol.mdii' (did you mean 'protocol.mdi'?)"),
        (("solve", "qkd", "protocol.mdi", "!protocol.mdi"), "protocol.mdi is named more than once"),
        (
            ("show", "qkd", "--choose", "protocol.gg02", "--choose", "medium.satellite"),
            "medium.satellite is not possible with the rest",
        ),
        (("sample", "qkd", "--number", "0"), "write a number from 1 to 1000000"),
        (("sample", "qkd", "--seed", "-1"), "write a number from 0 on"),
        (("sample", "qkd", "--choose", "protocol.bb84", "--choose", "protocol.mdi"), "no configuration of this kind"),
        (("count", "qkd", "--choose", ""), "has no variant ''"),
        (("group", "qkd"), "unknown knowledge base 'qkd' (known: qkd-knowledge;"),
    ],
)
def test_wrong_input_is_answered_with_what_to_do(shell: Shell, words: tuple[str, ...], told: str) -> None:
    code, out, err = shell(*words)
    assert (code, out) == (2, "")
    assert told in err
