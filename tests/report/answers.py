"""An answer by hand: two sites, two relays and a satellite, needs of every outcome, and words that mean harm."""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.assessment.answer import (
    FORMAT,
    KIND,
    Answer,
    Asked,
    BaselineLine,
    ChangeLine,
    ChannelLine,
    EvidenceLine,
    FoundLine,
    PlaceLine,
    ProposalLine,
    RunLine,
    VerdictLine,
    WishLine,
)

HARM: Final = "<script>alert('x')</script> & \"quotes\" 'single' ]]> \x00\x1b -->"
LONG: Final = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 4
CHOSEN: Final = ("medium.satellite", "medium.terrestrial", "protocol.decoy-bb84", "q-link.trusted-relay")
PAIR: Final = ("a -- b",)


def asked(name: str, measure: str, threshold: str, *, under: str = "", priority: str = "must") -> Asked:
    return Asked(name, f"Words of {name}.", priority, measure, threshold, under, PAIR)


def line(need: Asked, outcome: str, shown: str, margin: float | None, **more: object) -> VerdictLine:
    found = FoundLine("analysis", shown, 1.0, "a remark", ("a--b",)) if shown else None
    plain = VerdictLine(need, outcome, shown, "1", margin, "analysis" if shown else "", "why so", found, None, None)
    return msgspec.structs.replace(plain, **more)


VERDICTS: Final = (
    line(asked("N1", "key-rate", "2 kbit/s", under="cut(1 link)"), "met", "4 kbit/s", 1.0),
    line(
        asked("N2", "restoration", "5 s", under="attack(2 channels)"),
        "not met",
        "never",
        None,
        method="test",
        measured=FoundLine("test", "never", None, "no key came any more", ("a-b",)),
        evidence=EvidenceLine("attack-2-channels", 7, 1_200, 3_400),
    ),
    line(asked("N3", "cost", "1 MEUR"), "open", "2 MEUR", -1.0),
    line(asked("N4", "latency", "5 ms", priority="should"), "needs a run", "", None),
    line(asked("N5", "", "", priority="could"), "unverifiable", "", None),
)
RUN: Final = RunLine(
    id="attack-2-channels",
    under="attack(2 channels)",
    failed=("a--b",),
    seed=7,
    seconds=600.0,
    events=3_400,
    trace="ab" * 32,
    throughput="2 kbit/s",
    response_delay="3 ms",
    delay_variation="1 ms",
    error_ratio="0.01",
    loss_ratio="0.02",
    availability="99.5 %",
    restoration="never",
)
PLACES: Final = (
    PlaceLine("a", "", is_endpoint=True, position=(51.5, -0.1), variants=(), rules=()),
    PlaceLine("b", "", is_endpoint=True, position=(47.4, 8.5), variants=(), rules=()),
    PlaceLine(
        "a-b.1", "Carrier", is_endpoint=False, position=None, variants=("q-link.trusted-relay",), rules=("layout-span",)
    ),
    PlaceLine(
        "a-b.2", "Carrier", is_endpoint=False, position=None, variants=("q-link.trusted-relay",), rules=("layout-span",)
    ),
    PlaceLine(
        "leo", "Agency", is_endpoint=False, position=None, variants=("medium.satellite",), rules=("layout-pass",)
    ),
)


def channel(one: str, other: str, medium: str = "fibre", length: float = 80.0) -> ChannelLine:
    return ChannelLine(
        f"{one}--{other}", (one, other), medium, length, "generic", 1_500.0, CHOSEN[1:2], ("layout-span",)
    )


CHANNELS: Final = (
    channel("a", "a-b.1"),
    channel("a-b.1", "a-b.2"),
    channel("a-b.2", "b"),
    channel("a", "leo", "satellite", 0.0),
    channel("b", "leo", "satellite", 0.0),
)
PROPOSAL: Final = ProposalLine(
    number=1,
    variants=CHOSEN,
    is_acceptable=False,
    is_taken=True,
    why_not="",
    found={"N1": "4 kbit/s", "N3": "2 MEUR"},
    missed=("N2",),
    cost="2 MEUR",
    not_runnable=(),
    readiness="Trusted relay at level 8 of 9",
)


def answer(**changed: object) -> Answer:
    """Return an answer that misses a need, with some of it changed."""
    plain = Answer(
        format=FORMAT,
        kind=KIND,
        keytwin="0.0.1",
        name="small",
        stakeholder="A bank",
        about="Two sites, far apart.",
        summary=("Not met: N2.", "It costs too much."),
        is_met=False,
        seed=7,
        take=None,
        costs="assumed",
        hashes={"need.yaml": "cd" * 32, "network.yaml": "ef" * 32},
        ovm="qkd",
        variants=CHOSEN,
        verdicts=VERDICTS,
        baseline=(
            BaselineLine("N1", "met", "never", "keys are computed"),
            BaselineLine("N2", "not met", "9 s", "for the sake of the test"),
        ),
        wishes=(
            WishLine("derive-reach", "take", CHOSEN[3:], "no direct link reaches so far", ("N1",), is_given_up=False),
            WishLine("derive-ready", "leave", ("protocol.mdi",), "nobody sells it", ("N3",), is_given_up=False),
            WishLine("derive-trust", "leave", CHOSEN[:1], "others own it", ("N5",), is_given_up=True),
        ),
        clash=(("one reason", "the other reason"),),
        conflicts=(("N2", "N3"), ("N1",)),
        relaxations=((ChangeLine("N2", "5 s", "60 s"), ChangeLine("N3", "1 MEUR", "2 MEUR")),),
        proposals=(
            PROPOSAL,
            msgspec.structs.replace(PROPOSAL, number=2, variants=(*CHOSEN[:2], "protocol.cow"), is_taken=False),
            msgspec.structs.replace(
                PROPOSAL, number=3, variants=(*CHOSEN[:2], "protocol.dps"), is_taken=False, why_not="no key at 90 dB"
            ),
        ),
        runs=(RUN,),
        places=PLACES,
        channels=CHANNELS,
        left_out={"c--d": "no key at 90 dB"},
        not_runnable=("hybrid.ml-kem",),
        assumptions=("prices are guessed",),
        trace=(),
    )
    return msgspec.structs.replace(plain, **changed)


def harmful() -> Answer:
    """Return an answer in which all that a user may write is meant to break the page."""
    need = Asked(HARM, HARM, "must", "key-rate", HARM, HARM, (HARM,))
    long = Asked("N2", LONG, "must", LONG, LONG, LONG, (LONG,))
    found = FoundLine(HARM, HARM, 1.0, HARM, (HARM,))
    seen = EvidenceLine(HARM, 1, 1, 2)
    lines = (
        VerdictLine(need, HARM, HARM, HARM, 0.5, HARM, HARM, found, found, seen),
        VerdictLine(long, "met", LONG, "", None, LONG, LONG, None, None, None),
    )
    return answer(
        name=HARM,
        stakeholder=HARM,
        about=HARM,
        summary=(HARM, LONG),
        verdicts=lines,
        keytwin=HARM,
        costs=HARM,
        ovm="../../../etc/passwd",
        hashes={HARM: HARM},
        baseline=(BaselineLine(HARM, HARM, HARM, HARM),),
        variants=(HARM,),
        wishes=(
            WishLine(HARM, "take", (HARM,), HARM, (HARM,), is_given_up=False),
            WishLine(HARM, "leave", (LONG,), HARM, (), is_given_up=True),
        ),
        clash=((HARM,),),
        conflicts=((HARM, LONG),),
        relaxations=((ChangeLine(HARM, HARM, HARM),),),
        proposals=(
            msgspec.structs.replace(PROPOSAL, variants=(HARM,), found={HARM: HARM}, missed=(HARM,), readiness=HARM),
            msgspec.structs.replace(PROPOSAL, variants=(LONG,), why_not=HARM, is_taken=False),
        ),
        runs=(msgspec.structs.replace(RUN, id=HARM, under=HARM, failed=(HARM,), throughput=HARM, trace=HARM),),
        places=(
            PlaceLine(HARM, HARM, is_endpoint=True, position=None, variants=(HARM,), rules=(HARM,)),
            PlaceLine(LONG, LONG, is_endpoint=False, position=None, variants=(), rules=()),
        ),
        channels=(
            ChannelLine(HARM, (HARM, LONG), HARM, 1.0, HARM, 1.0, (HARM,), (HARM,)),
            ChannelLine("into nowhere", (HARM, "nobody"), "fibre", 1.0, "d", 1.0, (), ()),
        ),
        left_out={HARM: HARM},
        not_runnable=(HARM,),
        assumptions=(HARM, LONG),
    )
