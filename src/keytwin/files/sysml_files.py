"""SysML v2 files on disk: read as they are, line ends included, and written into a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from keytwin.vocabulary.errors import FileMistake, Finding, Mistake

LARGEST: Final = 20_000_000  # octets of one file; the whole standard library of SysML v2 has 1.3 million
SUFFIX: Final = ".sysml"


def read_texts(places: Iterable[str]) -> dict[str, str]:
    """Return the text of each file by its path; of a folder, of all its .sysml files. Mistake when there is none."""
    texts: dict[str, str] = {}
    for place in places:
        for path in _files(Path(place)):
            texts[str(path)] = _read(path)
    return texts


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    # Sorted, since the order of a folder differs between file systems and findings would with it.
    found = sorted(place.glob(f"*{SUFFIX}"))
    if not found:
        raise Mistake(f"{place} holds no {SUFFIX} file")
    return found


def _read(path: Path) -> str:
    if not path.is_file():
        raise Mistake(f"there is no file {path}")
    if path.stat().st_size > LARGEST:
        raise Mistake(f"{path} is larger than {LARGEST // 1_000_000} MB: split it into packages")
    octets = path.read_bytes()  # as bytes, since reading as text would change line ends
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as failure:
        line = octets.count(b"\n", 0, failure.start) + 1
        # Counted in characters, as an editor does: what stands before on the line is UTF-8, or it had failed there.
        start = octets.rfind(b"\n", 0, failure.start) + 1
        column = len(octets[start : failure.start].decode("utf-8")) + 1
        finding = Finding("this is no UTF-8", str(path), line, column, suggestion="save the file as UTF-8")
        raise FileMistake((finding,)) from None


def write_texts(folder: str, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write files into a folder, which is made when it is not there; return their paths."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts.items():
        path = place / name
        path.parent.mkdir(exist_ok=True)
        # As bytes again: writing as text would give other line ends on another system.
        path.write_bytes(text.encode("utf-8"))
        paths.append(path)
    return tuple(paths)
