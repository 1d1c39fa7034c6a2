"""The reference toolkit is asked for what it cannot parse and which names it cannot resolve."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from keytwin.design.sysml_export import sysml_export
from keytwin.design.sysml_reader import read_sysml
from keytwin.files.sysml_reference import (
    check_by_reference,
    findings_of,
    standard_library_folder,
    toolkit_is_there,
)
from keytwin.vocabulary.errors import Mistake
from tests.design import sysml_samples as samples

needs_toolkit = pytest.mark.skipif(not toolkit_is_there(), reason="the extra 'sysml' is not installed")
TOWNS = Path(__file__).parents[1] / "design" / "towns.sysml"


@needs_toolkit
@pytest.mark.slow
def test_everything_that_is_written_is_resolved() -> None:
    texts = sysml_export(samples.ovm(), [samples.configuration()], samples.model(), samples.views())
    checked = check_by_reference(texts)
    assert checked.unresolved == ()
    assert checked.elements > 5000


@needs_toolkit
@pytest.mark.slow
def test_the_example_is_resolved() -> None:
    assert check_by_reference({"towns.sysml": TOWNS.read_text(encoding="utf-8")}).unresolved == ()


@needs_toolkit
@pytest.mark.slow
def test_names_that_are_not_there_are_told_with_their_place() -> None:
    texts = {
        "a.sysml": "package A {\n    part def B;\n}\n",
        "c.sysml": "package C {\n    part d : A::X;\n    part e : 'n n';\n}\n",
    }
    found = findings_of(check_by_reference(texts), texts)
    hint = "(is it imported, and spelt so where it is defined?)"
    assert [str(each) for each in found] == [
        f"c.sysml:3:14: the reference toolkit finds nothing called 'n n' {hint}",
        f"c.sysml:2:14: the reference toolkit finds nothing called A::X {hint}",
    ]


@needs_toolkit
def test_what_it_cannot_parse_is_a_mistake_that_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Mistake, match=r"bad\.sysml: the reference toolkit cannot parse it: expected .*found"):
        check_by_reference({"bad.sysml": "package P { part part part }"})
    assert capfd.readouterr().err == ""


def test_without_the_toolkit_the_mistake_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sysml", None)
    assert not toolkit_is_there()
    with pytest.raises(Mistake, match=r"pip install 'keytwin\[sysml\]'"):
        check_by_reference({"a.sysml": "package A;"})


@needs_toolkit
@pytest.mark.slow
def test_the_standard_library_is_read_without_losing_a_byte() -> None:
    files = sorted(path for path in standard_library_folder().rglob("*") if path.suffix in {".sysml", ".kerml"})
    assert len(files) > 80
    for path in files:
        text = path.read_bytes().decode("utf-8")
        document = read_sysml(text, path.name)
        assert document.text() == text
        assert document.findings == (), path.name
