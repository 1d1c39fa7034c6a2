"""A verdict made again from what lies beside it: every number of analysis and of virtual time has to come out equal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from keytwin.assessment.answer import Answer, read_answer
from keytwin.assessment.assess import Options
from keytwin.assessment.case import assess_source
from keytwin.assessment.output import COSTS_FILE, NEED_FILE
from keytwin.assessment.record import sha256
from keytwin.files.library import Source
from keytwin.vocabulary.errors import Mistake

MOST_SHOWN: Final = 60  # characters of a value in a difference


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that did not come out equal."""

    where: str
    was: str
    is_now: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it."""

    answer: Answer
    numbers: int
    """Values that were compared."""
    differences: tuple[Difference, ...]


def replay(verdict: Path) -> Replayed:
    """Assess the need beside a verdict file anew and compare; Mistake when the need is not the one that was judged."""
    before = read_answer(verdict)
    need = _beside(verdict, NEED_FILE)
    told = before.hashes.get(NEED_FILE)
    if sha256(need) != told:
        raise Mistake(
            f"'{verdict.parent / NEED_FILE}' has been changed since the verdict: assess it with keytwin design"
        )
    wanted = Options(seed=before.seed, take=before.take, is_tried=bool(before.runs))
    source = Source(str(verdict.parent / NEED_FILE), need, verdict.parent)
    after = assess_source(source, wanted, _costs(verdict)).answer
    # Another version may word things otherwise: the version is told beside the differences, and is none itself.
    after = msgspec.structs.replace(after, keytwin=before.keytwin)
    one, other = msgspec.to_builtins(before), msgspec.to_builtins(after)
    differences = tuple(_differences(one, other, ""))
    return Replayed(before, _count(one), differences)


def _beside(verdict: Path, name: str) -> bytes:
    path = verdict.parent / name
    if not path.is_file():
        raise Mistake(f"'{path}' is missing: a verdict is replayed from the need that lies beside it")
    return path.read_bytes()


def _costs(verdict: Path) -> Source | None:
    path = verdict.parent / COSTS_FILE
    return Source(str(path), path.read_bytes()) if path.is_file() else None


def _differences(one: object, other: object, where: str) -> list[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = dict.fromkeys((*one, *other))
        return [
            each for key in keys for each in _differences(one.get(key), other.get(key), f"{where}.{key}".strip("."))
        ]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [each for place, (a, b) in pairs for each in _differences(a, b, f"{where}[{place}]")]
    return [] if one == other else [Difference(where, str(one)[:MOST_SHOWN], str(other)[:MOST_SHOWN])]


def _count(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_count, value))
    return 1
