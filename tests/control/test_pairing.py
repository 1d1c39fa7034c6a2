"""Any order of opens, repeats and closings: who is paired with whom, by a plain model. Decision 0005; A2, S5."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from keytwin.vocabulary.blueprint import AdmissionSettings, App
from keytwin.vocabulary.identity import ADMISSION, Ksid
from keytwin.vocabulary.session_messages import ConfigureSession, Reason, SessionClosing
from keytwin.vocabulary.units import milliseconds
from tests import marks
from tests.control.plane import APPS, BOB, BRONZE, STAR, Plane, setup_of

AGREED: Final = (Ksid("11111111-1111-4111-8111-111111111111"), Ksid("22222222-2222-4222-8222-222222222222"))
HALF_OPEN: Final = 3
PAIRS: Final = (APPS[0], APPS[2])  # alice's and bob's


@dataclass
class Open:
    """One end's request, and what became of it by the model."""

    app: App
    end: int
    request: ConfigureSession
    mates: list[Open] = field(default_factory=list)  # the ends of its session, itself first
    is_over: bool = False


class Pairing(RuleBasedStateMachine):
    """Two apps of two users, opened from both ends, with agreed Ksids and without."""

    def __init__(self) -> None:
        super().__init__()
        self.plane = Plane(setup=setup_of(settings=AdmissionSettings(half_open_sessions=HALF_OPEN)))
        self.plane.register(dict.fromkeys(STAR, 10**7))  # room is not the question here
        self.waiting: list[Open] = []
        self.paired: list[Open] = []
        self.refused: list[ConfigureSession] = []
        self.used: set[Ksid] = set()

    def expected(self, fresh: Open) -> Open | Reason | None:
        """The waiting end it joins, the reason of its refusal, or None when it waits."""
        asked = fresh.request.ksid
        mirrored = [one for one in self.waiting if one.app is fresh.app and one.end != fresh.end]
        if asked is None and mirrored:
            return mirrored[0]
        if asked is not None and asked in self.used:
            return next((one for one in mirrored if one.request.ksid == asked), Reason.IN_USE)
        rates = sum(BRONZE.rate for one in (*self.waiting, *self.paired) if one.app.user == BOB.id)
        if fresh.app.user == BOB.id and BOB.quota is not None and rates + BRONZE.rate > BOB.quota:
            return Reason.SLA_EXCEEDED
        is_full = sum(one.app.user == fresh.app.user for one in self.waiting) >= HALF_OPEN
        return Reason.UNAVAILABLE if is_full else None

    @rule(of=st.sampled_from(PAIRS), end=st.sampled_from((0, 1)), ksid=st.sampled_from((None, None, *AGREED)))
    def open(self, of: App, end: int, ksid: Ksid | None) -> None:
        fresh = Open(of, end, self.plane.request(of, end, ksid))
        expected = self.expected(fresh)
        self.plane.tell(ADMISSION, fresh.request)
        self.plane.run(milliseconds(20))
        km = self.plane.kms[fresh.request.node]
        if isinstance(expected, Reason):
            assert km.refused[fresh.request.open_id].reason is expected
            self.refused.append(fresh.request)
            return
        given = km.accepted[fresh.request.open_id]
        assert ksid in {None, given}
        if expected is None:
            assert given not in self.used or given == ksid
            fresh.mates = [fresh]
            self.waiting.append(fresh)
        else:
            assert self.ksid_of(expected) == given
            assert self.plane.holders(given) == {end.node for end in of.ends}
            expected.mates.append(fresh)
            self.waiting.remove(expected)
            self.paired.append(expected)
        self.used.add(given)

    @precondition(lambda self: self.waiting or self.paired or self.refused)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        opens = [one.request for first in (*self.waiting, *self.paired) for one in first.mates]
        request = data.draw(st.sampled_from([*opens, *self.refused]))
        km = self.plane.kms[request.node]
        before = km.accepted.get(request.open_id), km.refused.get(request.open_id)
        self.plane.tell(ADMISSION, request)
        self.plane.run(milliseconds(20))
        assert (km.accepted.get(request.open_id), km.refused.get(request.open_id)) == before

    @precondition(lambda self: self.paired)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        first = data.draw(st.sampled_from(self.paired))
        ksid = self.ksid_of(first)
        closing = data.draw(st.sampled_from(first.mates))
        self.plane.tell(ADMISSION, SessionClosing(ksid, closing.request.node, Reason.CLOSED))
        self.plane.run(milliseconds(20))
        assert self.plane.holders(ksid) == set()
        self.paired.remove(first)

    def ksid_of(self, one: Open) -> Ksid:
        return self.plane.kms[one.request.node].accepted[one.request.open_id]

    @invariant()
    def books_agree(self) -> None:
        registry = self.plane.admission._registry
        half_open = Counter(one.app.user for one in self.waiting)
        sessions = Counter(one.app.user for one in (*self.waiting, *self.paired))
        for of in PAIRS:
            assert registry.half_open(of.user) == half_open[of.user] <= HALF_OPEN
        assert registry.rate(BOB.id) == sessions[BOB.id] * BRONZE.rate <= (BOB.quota or 0)
        assert len(registry) == len(self.waiting) + len(self.paired)


TestPairing = marks.invariant("S5")(marks.invariant("A2")(Pairing.TestCase))
TestPairing.settings = settings(max_examples=30, stateful_step_count=20)
