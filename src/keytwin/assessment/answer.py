"""What came of a need, as it is written into `verdict.json` and read back: what a report, a trace and a replay go by.

Only what equal needs, seeds and versions make equal is in it: no wall clock, and no path of a machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from keytwin.vocabulary.errors import FileMistake, Finding, Mistake

FORMAT: Final = 1
KIND: Final = "keytwin verdict"


class Asked(msgspec.Struct, frozen=True):
    """One need as the stakeholder said it."""

    id: str
    text: str
    priority: str
    measure: str
    """Empty = nobody has said how it would be measured."""
    threshold: str
    under: str
    pairs: tuple[str, ...]


class FoundLine(msgspec.Struct, frozen=True):
    """What one method came to."""

    method: str
    shown: str
    """With unit, to three digits."""
    value: float | None
    """In the base unit of the quantity; None = without limit."""
    remark: str
    culprits: tuple[str, ...]


class EvidenceLine(msgspec.Struct, frozen=True):
    """Where a measured value comes from: events of a run, numbered from 1."""

    run: str
    seed: int
    first: int
    last: int


class VerdictLine(msgspec.Struct, frozen=True):
    """What became of a need."""

    need: Asked
    outcome: str
    shown: str
    unit: str
    """Of `value`s: the base unit of the measure's quantity."""
    margin: float | None
    """Share of the threshold by which it is met, negative where it is missed."""
    method: str
    reason: str
    """Why, in words: what holds it down."""
    analysed: FoundLine | None
    measured: FoundLine | None
    evidence: EvidenceLine | None


class BaselineLine(msgspec.Struct, frozen=True):
    """What became of a need without QKD."""

    need: str
    outcome: str
    shown: str
    remark: str


class WishLine(msgspec.Struct, frozen=True):
    """What a rule made of needs."""

    rule: str
    stance: str
    variants: tuple[str, ...]
    reason: str
    needs: tuple[str, ...]
    is_given_up: bool


class ProposalLine(msgspec.Struct, frozen=True):
    """One configuration that was looked at."""

    number: int
    variants: tuple[str, ...]
    is_acceptable: bool
    is_taken: bool
    why_not: str
    """The physical reason where it cannot be laid out."""
    found: dict[str, str]
    """Per need, by analysis."""
    missed: tuple[str, ...]
    cost: str
    """At most, by the cost book."""
    not_runnable: tuple[str, ...]
    readiness: str
    """The least ready of its variants, with its level."""


class ChangeLine(msgspec.Struct, frozen=True):
    """A need whose threshold is relaxed."""

    need: str
    was: str
    becomes: str


class RunLine(msgspec.Struct, frozen=True):
    """One trial on the twin. Its columns are named as in ITU-T Y.3807 (recalled), the worst pair's figure in each."""

    id: str
    under: str
    failed: tuple[str, ...]
    seed: int
    seconds: float
    """Of virtual time."""
    events: int
    trace: str
    """SHA-256 of the trace that `keytwin run` writes of its scenario."""
    throughput: str
    response_delay: str
    delay_variation: str
    error_ratio: str
    loss_ratio: str
    availability: str
    restoration: str


class PlaceLine(msgspec.Struct, frozen=True):
    """A node of the network."""

    id: str
    owner: str
    """Empty = the stakeholder's own."""
    is_endpoint: bool
    position: tuple[float, float] | None
    """Degrees north and east."""
    variants: tuple[str, ...]
    rules: tuple[str, ...]


class ChannelLine(msgspec.Struct, frozen=True):
    """A link of the network."""

    id: str
    ends: tuple[str, str]
    medium: str
    length: float
    """In kilometres; 0 where there is none."""
    device: str
    rate: float
    """Bits of key a second, in the mean."""
    variants: tuple[str, ...]
    rules: tuple[str, ...]


class Tie(msgspec.Struct, frozen=True, array_like=True):
    """A step of the trace: `source` is why `target` is there. Each end is a kind and a name."""

    source: tuple[str, str]
    target: tuple[str, str]
    why: str = ""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    format: int
    kind: str
    keytwin: str
    """The version that worked it out."""
    name: str
    stakeholder: str
    about: str
    summary: tuple[str, ...]
    """The answer in a few sentences."""
    is_met: bool
    seed: int
    take: int | None
    costs: str
    hashes: dict[str, str]
    """SHA-256 by file: of the need, and of the network that came of it."""
    ovm: str
    variants: tuple[str, ...]
    """Those that were taken."""
    verdicts: tuple[VerdictLine, ...]
    baseline: tuple[BaselineLine, ...]
    wishes: tuple[WishLine, ...]
    clash: tuple[tuple[str, ...], ...]
    """Wishes that cannot be met together, each group by its reasons."""
    conflicts: tuple[tuple[str, ...], ...]
    """Needs that no proposal meets together."""
    relaxations: tuple[tuple[ChangeLine, ...], ...]
    proposals: tuple[ProposalLine, ...]
    runs: tuple[RunLine, ...]
    places: tuple[PlaceLine, ...]
    channels: tuple[ChannelLine, ...]
    left_out: dict[str, str]
    not_runnable: tuple[str, ...]
    assumptions: tuple[str, ...]
    trace: tuple[Tie, ...]


def encoded(answer: Answer) -> bytes:
    """Return the octets of a verdict file."""
    return msgspec.json.format(msgspec.json.encode(answer), indent=1) + b"\n"


def read_answer(path: Path) -> Answer:
    """Read a verdict file; Mistake when there is none, FileMistake when it is none."""
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise Mistake(
            f"there is no verdict at '{path}': keytwin design NEED -o DIR writes DIR/{VERDICT_FILE}"
        ) from error
    try:
        answer = msgspec.json.decode(octets, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FileMistake((Finding(f"this is no verdict of keytwin: {error}", str(path)),)) from error
    if answer.kind != KIND or answer.format != FORMAT:
        what = f"{answer.kind!r} in format {answer.format}"
        raise FileMistake((Finding(f"this is {what}; this version reads {KIND!r} in format {FORMAT}", str(path)),))
    return answer


VERDICT_FILE: Final = "verdict.json"
