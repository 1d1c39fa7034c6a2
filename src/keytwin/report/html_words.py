"""The words of a report for somebody who meets them for the first time: docs/reference/vocabulary.md in plain words."""

from __future__ import annotations

from typing import Final

from keytwin.report.html_elements import Markup, facts, section

DESIGN: Final = (
    (
        "Quantum key distribution (QKD)",
        (
            "Two places get the same secret key by sending single particles of light. Who listens in disturbs the "
            "light, and is noticed."
        ),
    ),
    (
        "Post-quantum",
        ("Of cryptography that is computed as today, by methods that no quantum computer is known to break."),
    ),
    ("Key", "A secret row of bits that two applications have in common, to encrypt what they send one another."),
    ("Link", "The two devices, one at each end, and the fibre or the beam between them: it makes key all the time."),
    ("Channel", "What the light goes through. One fibre or one satellite may carry several links."),
    (
        "Relay",
        (
            "A place on the way that takes keys from one link and passes them on by the next. It sees them, so it "
            "has to be trusted."
        ),
    ),
    (
        "Cut, attack",
        (
            "A cut link gives no light. On an attacked one somebody disturbs the light: its devices notice, and "
            "throw the key away."
        ),
    ),
    ("Need", "What somebody wants of the network, in their own words, with a measure and a threshold."),
    ("Must, should, could", "How much a need weighs. Only a must that is missed rejects a design."),
    ("Verdict", "Whether a need is met, with what was found and where it comes from."),
    ("Margin", "How far what was found lies from what was asked for, as a share of what was asked for."),
    ("Variation point, variant", "A question in which designs may differ, and one of its answers."),
    ("Readiness level", "How far a technology has come, from 1 (an idea) to 9 (in daily use)."),
    ("Twin", "The emulated link: it makes key as the real devices would, by a model of their physics."),
    ("Seed", "A number from which all chance of a run follows: the same seed gives the same run."),
    ("Trace", "Everything that happened in a run, in order, as a file."),
)
"""What the report of a design speaks of."""
RUN: Final = (
    ("Key manager", "What keeps the keys of a place, passes them on, and hands them to applications."),
    ("Application (SAE)", "What asks a key manager for keys; two of them that want the same keys are an app."),
    ("Session", "The time in which two applications may ask for keys in common."),
    ("Relay", "A place on the way that takes keys from one link and passes them on by the next. It sees them."),
    ("Link", "The two devices, one at each end, and the fibre or the beam between them: it makes key all the time."),
    ("Block", "The key that a link makes at a time: the same bits at both ends."),
    ("Error rate", "The share of bits that differ before they are mended. Somebody who listens in makes it rise."),
    ("Alarm", "What monitoring tells the operator of a link that is not as it should be, until it is again."),
    ("Seed", "A number from which all chance of a run follows: the same seed gives the same run."),
)
"""What the report of a run speaks of."""


def words(known: tuple[tuple[str, str], ...]) -> Markup:
    """Return a short dictionary."""
    return section("words", "What the words mean", facts(known))
