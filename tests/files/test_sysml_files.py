"""SysML v2 files are read as they are and written where they are wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.files import sysml_files
from keytwin.files.sysml_files import read_texts, write_texts
from keytwin.vocabulary.errors import FileMistake, Mistake


def test_what_was_written_is_read_with_its_line_ends(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "er"
    paths = write_texts(str(folder), {"b.sysml": "part ü;\r\n", "a.sysml": "part a;\n"})
    assert [path.name for path in paths] == ["b.sysml", "a.sysml"]
    (folder / "other.txt").write_text("no", encoding="utf-8")
    assert read_texts([str(folder)]) == {
        str(folder / "a.sysml"): "part a;\n",
        str(folder / "b.sysml"): "part ü;\r\n",
    }
    assert list(read_texts([str(paths[0])]).values()) == ["part ü;\r\n"]


def test_what_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no file"):
        read_texts([str(tmp_path / "x.sysml")])
    with pytest.raises(Mistake, match=r"holds no \.sysml file"):
        read_texts([str(tmp_path)])


def test_what_is_no_utf8_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.sysml"
    path.write_bytes(b"part a;\npart \xff;")
    with pytest.raises(FileMistake, match=r"a\.sysml:2:6: this is no UTF-8 \(save the file as UTF-8\)"):
        read_texts([str(path)])


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.sysml"
    path.write_bytes(b"part a;")
    monkeypatch.setattr(sysml_files, "LARGEST", 3)
    with pytest.raises(Mistake, match="split it into packages"):
        read_texts([str(path)])


@pytest.mark.parametrize(
    ("octets", "place"),
    [
        (b"\xff", (1, 1)),
        (b"part a;\n\xff", (2, 1)),
        ("part 'é'; ".encode() + b"\xff", (1, 11)),
        ("é\r\né".encode() + b"\xc3", (2, 2)),
    ],
)
def test_what_is_no_utf_8_is_told_at_the_place_an_editor_counts(
    tmp_path: Path, octets: bytes, place: tuple[int, int]
) -> None:
    file = tmp_path / "bad.sysml"
    file.write_bytes(octets)
    with pytest.raises(FileMistake) as told:
        read_texts([str(file)])
    (finding,) = told.value.findings
    assert (finding.line, finding.column) == place
