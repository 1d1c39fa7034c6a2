"""Each need by itself: verbatim, with what was found, by how much, how, why, and how to see it again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from keytwin.assessment.answer import Answer, Asked, EvidenceLine, FoundLine, VerdictLine
from keytwin.design.need import MEASURES
from keytwin.design.verdict import Outcome
from keytwin.report.html_elements import (
    Markup,
    element,
    escaped,
    facts,
    folded,
    joined,
    listed,
    section,
    table,
    typed,
    unbroken,
)
from keytwin.report.html_wording import SIGNS, UNSURE, anchor, asked_for, asked_short, badge

WIDE: Final = 300.0
HIGH: Final = 26.0
HALF: Final = WIDE / 2 - 12  # of the bar: a margin of all that was asked for
MOST_PAIRS: Final = 12
MOST_CULPRITS: Final = 4
METHODS: Final = {
    "analysis": "worked out from the model",
    "inspection": "read off the design",
    "test": "measured while the network ran on the twin",
    "demonstration": "shown on a live network",
}


def needs(answer: Answer) -> Markup:
    """Return all needs, one after the other."""
    if not answer.verdicts:
        return Markup()
    return section(
        "needs",
        "Need by need",
        element(
            "p",
            "The bar shows how far a value lies from what is asked for, which is the line in its middle: to the right "
            "there is something to spare, to the left something is missing. Either end of the bar is as much as is "
            "asked for.",
            class_="soft",
        ),
        *map(_need, answer.verdicts),
    )


def _need(line: VerdictLine) -> Markup:
    need = line.need
    title = joined([f"{need.id}, a {need.priority} ", badge(line.outcome)])
    return element(
        "article",
        element("h3", title, id=anchor(need)),
        element("blockquote", need.text, dir="auto"),
        facts(
            [
                ("Asked for", asked_for(need)),
                ("Between", _pairs(need)),
                ("Found", element("strong", line.shown) if line.shown else ""),
                ("Margin", margin(line)),
                ("How", METHODS.get(line.method, line.method)),
                ("Why", _why(line)),
                ("By both methods", _both(line)),
                ("Evidence", _evidence(line.evidence)),
            ]
        ),
        class_="need",
    )


def _pairs(need: Asked) -> Markup:
    measure, pairs = MEASURES.get(need.measure), need.pairs
    # A cost, say, is one of the whole and lies between nobody.
    if measure is None or not measure.is_of_pairs:
        return Markup()
    if len(pairs) <= MOST_PAIRS:
        return escaped("; ".join(pairs))
    return folded(f"{len(pairs)} pairs", listed(pairs))


def _both(line: VerdictLine) -> Markup:
    if line.analysed is None or line.measured is None:
        return Markup()
    return listed(_found(each) for each in (line.analysed, line.measured))


def _found(found: FoundLine) -> str:
    by = f" (held down by {_few(found.culprits)})" if found.culprits else ""
    remark = f"; {found.remark}" if found.remark else ""
    return f"{METHODS.get(found.method, found.method)}: {found.shown}{by}{remark}"


def _why(line: VerdictLine) -> str:
    reason = line.reason
    for found in (line.analysed, line.measured):
        if found is not None and len(found.culprits) > MOST_CULPRITS:
            reason = reason.replace(", ".join(found.culprits), _few(found.culprits))
    return reason


def _few(culprits: tuple[str, ...]) -> str:
    """Name what holds a value down; of many links that are equally scarce only some: verdict.json names all."""
    if len(culprits) <= MOST_CULPRITS:
        return ", ".join(culprits)
    return f"{', '.join(culprits[:MOST_CULPRITS])} and {len(culprits) - MOST_CULPRITS} more"


def _evidence(seen: EvidenceLine | None) -> Markup:
    if seen is None:
        return Markup()
    again = typed(f"keytwin run runs/{seen.run}.yaml --seed {seen.seed} --trace t.jsonl")
    said = f"Run {seen.run} with seed {seen.seed}, events {seen.first:,} to {seen.last:,}. To see it again: "
    return joined([said, again])


# --- margins --------------------------------------------------------------------------------------------------------


def margin(line: VerdictLine) -> Markup:
    """Return by how much a need is met or missed, as a bar and in words."""
    if line.margin is None:
        return Markup()
    words = margin_in_words(line.margin, line.outcome)
    return joined([_bar(line.margin, line.outcome, words), words])


def margin_in_words(share: float, outcome: str) -> str:
    """Say how much there is to spare, or how much is missing."""
    if outcome == Outcome.OPEN:
        return f"at worst {_percent(-share)} short of what is asked for" if share < 0 else "within the range"
    if share >= 1:
        return (
            f"{1 + share:,.3g} times what is asked for" if share < 999 else f"{1 + share:,.0f} times what is asked for"
        )
    if share > 0:
        return f"{_percent(share)} to spare"
    return f"{_percent(-share)} short of what is asked for" if share < 0 else "exactly what is asked for"


def _percent(share: float) -> str:
    number = f"{100 * share:.3g}" if share < 9.995 else f"{100 * share:,.0f}"
    # Nearly all is not all.
    return f"{'99.9' if number == '100' and share < 1 else number} %"


def _bar(share: float, outcome: str, words: str) -> Markup:
    style, _ = SIGNS.get(outcome, UNSURE)
    middle, top, thick = WIDE / 2, 7.0, 12.0
    long = HALF * min(1.0, abs(share))
    left = middle if share >= 0 else middle - long
    parts = [
        _drawn("rect", class_="room", x=middle - HALF, y=top, width=2 * HALF, height=thick),
        _drawn("rect", class_=style, x=left, y=top, width=long, height=thick),
        _drawn("line", class_="axis", x1=middle, x2=middle, y1=2.0, y2=HIGH - 2),
    ]
    if abs(share) > 1:
        # What is longer than the bar ends in a point.
        way = 1 if share > 0 else -1
        tip = middle + way * HALF
        parts.append(
            _drawn("path", class_=style, d=f"M{tip:g} {top:g}l{way * 9:g} {thick / 2:g}l{-way * 9:g} {thick / 2:g}z")
        )
    looks = {"class_": "bar", "role": "img", "aria_label": words, "viewBox": f"0 0 {WIDE:g} {HIGH:g}"}
    return element("svg", *parts, width=f"{WIDE:g}", height=f"{HIGH:g}", **looks)


def _drawn(name: str, class_: str, **places: float | str) -> Markup:
    told = {key: value if isinstance(value, str) else f"{value:.4g}" for key, value in places.items()}
    return element(name, class_=class_, **told)


# --- without QKD ----------------------------------------------------------------------------------------------------


def without_qkd(answer: Answer) -> Markup:
    """Return what the same needs come to without QKD, side by side."""
    if not answer.baseline:
        return Markup()
    lines = {each.need.id: each for each in answer.verdicts}
    heads = ("Need", "Asked for", "With QKD", "Without QKD", "Why, without QKD")
    rows = []
    for each in answer.baseline:
        line = lines.get(each.need)
        asked = asked_short(line.need) if line else ""
        rows.append(
            (
                each.need,
                asked,
                _told(line.outcome, line.shown) if line else "-",
                _told(each.outcome, each.shown),
                each.remark,
            )
        )
    return section(
        "without",
        "And without QKD?",
        element(
            "p",
            "The other way to get keys that a quantum computer does not break is software alone: both ends compute a "
            "key by a post-quantum method (ML-KEM, NIST FIPS 203) over any network. It needs no fibre of its own, no "
            "relay and no device. What it rests on is a mathematical problem that nobody is known to solve, not "
            "physics. So it is scored against the same needs; nothing of it was run.",
        ),
        table("Each need with QKD and without", heads, rows),
        element("p", _conclusion(answer)),
    )


def _told(outcome: str, value: str) -> Markup:
    return joined([badge(outcome), f" {unbroken(value)}" if value else ""])


def _conclusion(answer: Answer) -> str:
    lost = [each.need for each in answer.baseline if each.outcome == Outcome.MISSED]
    if not lost:
        return "Software alone meets everything here that can be told without a run: QKD is not needed for this."
    musts = {each.need.id for each in answer.verdicts if each.need.priority == "must"}
    hard = [each for each in lost if each in musts]
    if hard:
        return f"Software alone misses {_row(hard)}, which must be met: QKD is what makes the difference."
    return f"Software alone misses only {_row(lost)}, which nobody insists on: QKD is a choice here, no necessity."


def _row(words: Iterable[str]) -> str:
    return ", ".join(words)
