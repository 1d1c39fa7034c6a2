"""Verdicts as SysML v2: every need a requirement, every verdict with its evidence, in text that others read."""

from __future__ import annotations

from keytwin.assessment.architecture import architecture_of, wanted
from keytwin.design.choosing import configured
from keytwin.design.measures import Found
from keytwin.design.model import Method
from keytwin.design.need import Condition, Failure, Need, NeedId, Priority
from keytwin.design.sysml_export import sysml_export
from keytwin.design.sysml_reader import read_sysml
from keytwin.design.sysml_rules import check_sysml
from keytwin.design.sysml_verdicts import FILE, Bond, Sworn, verdicts_text
from keytwin.design.verdict import judge
from keytwin.vocabulary.errors import Finding

OVM, CHOSEN = wanted(
    (
        *("protocol.bb84", "q-link.repeater", "medium.terrestrial", "medium.satellite"),
        *("terrestrial.fibre", "free-space.single", "redundancy.dual-path"),
    )
)
CONFIGURATION = configured(OVM, CHOSEN)
AFTER = architecture_of(OVM, CONFIGURATION).after
BOND = Bond("attack-1-channel", 7, 120, "ab" * 32)


def sworn(name: str, found: float | None, *, measured: float | None = None, text: str = "enough") -> Sworn:
    need = Need(
        id=NeedId(name),
        text=text,
        priority=Priority.MUST,
        measure="key-rate",
        threshold=1_000.0,
        written="1 kbit/s",
        under=Condition(Failure.ATTACK) if measured is not None else None,
    )
    analysed = None if found is None else Found(found, Method.ANALYSIS)
    ran = None if measured is None else Found(measured, Method.TEST)
    return Sworn(judge(need, analysed), BOND if ran else None, ran)


def findings(*every: Sworn) -> tuple[str, tuple[Finding, ...]]:
    text = verdicts_text(OVM, AFTER.model, every)
    files = {**sysml_export(OVM, [CONFIGURATION], AFTER.model, AFTER.views), FILE: text}
    return text, check_sysml([read_sysml(text, file) for file, text in files.items()])


def test_every_name_resolves_and_no_rule_is_broken() -> None:
    text, found = findings(sworn("N1", 2_000.0), sworn("N2", 500.0, measured=1_000.0), sworn("N3", None))
    assert found == ()
    assert text.count("requirement <N") == 3


def test_verdicts_are_pass_fail_or_inconclusive() -> None:
    text, _ = findings(sworn("N1", 2_000.0), sworn("N2", 500.0), sworn("N3", None))
    kinds = [line.split("VerdictKind::")[1] for line in text.splitlines() if line.strip().startswith("return verdict")]
    assert kinds == ["pass;", "fail;", "inconclusive;"]


def test_a_measured_value_comes_with_the_run_that_anybody_can_repeat() -> None:
    text, _ = findings(sworn("N1", 2_000.0, measured=1_001.0))
    (line, again) = [each for each in text.splitlines() if "@Evidence" in each]
    assert 'value = "1 kbit/s"; method = "test"; run = "attack-1-channel"; seed = "7"; events = "from 120 on";' in line
    assert "ab" * 32 in line
    # The architecture's own requirement, of the redundancy that was chosen, is bound to the same run.
    assert again == line
    assert "VerificationMethodKind::test" in text


def test_without_a_run_the_architectures_own_requirement_is_left_unbound() -> None:
    text, _ = findings(sworn("N1", 2_000.0))
    assert "as measured" not in text
    assert "run =" not in text


def test_what_a_stakeholder_said_cannot_break_the_text() -> None:
    text, found = findings(sworn("N1", 1.0, text='*/ } package Evil { doc /* "\n\\'))
    assert found == ()
    assert "package Evil {" not in text.replace("* / } package Evil { doc /*", "")
