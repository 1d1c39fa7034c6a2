"""Token bucket and lending: never above burst + rate x window (A3), waits are exact, neither end starves."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement.bucket import ADVANCE_SHARE, Borrower, Lender, TokenBucket, Tokens, opening_tokens
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, in_seconds, milliseconds, seconds
from tests.marks import invariant

START = Instant(seconds(100))
SIZES = st.integers(1, 5_000).map(Bits)
RATES = st.integers(1, 3_000).map(BitsPerSecond)
SWINGS = st.floats(-5, 5, allow_nan=False).map(seconds) | st.integers(-50, 50).map(Duration)


def full_bucket(size: Bits, rate: BitsPerSecond, now: Instant) -> TokenBucket:
    return TokenBucket(size, rate, now, size)


def moved(now: Instant, span: int) -> Instant:
    return Instant(now + span)


@invariant("A3")
@given(SIZES, RATES, st.lists(st.tuples(SWINGS, st.integers(1, 6_000)), max_size=30))
def test_no_window_gives_more_than_burst_and_rate(
    size: Bits, rate: BitsPerSecond, draws: list[tuple[Duration, int]]
) -> None:
    """Also when the clock goes back or jumps: what counts is how far it has ever come."""
    bucket = full_bucket(size, rate, START)
    clock = list(accumulate([span for span, _ in draws], moved, initial=START))[1:]
    farthest = list(accumulate(clock, max))
    taken = [wanted * bucket.take(Bits(wanted), now) for now, (_, wanted) in zip(clock, draws, strict=True)]
    for first in range(len(draws)):
        for last in range(first, len(draws)):
            window = farthest[last] - farthest[first]
            assert sum(taken[first : last + 1]) * 10**9 <= size * 10**9 + rate * window


@invariant("A3")
@given(SIZES, RATES, st.lists(SWINGS, min_size=1, max_size=20))
def test_a_clock_that_never_gets_beyond_its_start_gives_nothing(
    size: Bits, rate: BitsPerSecond, swings: list[Duration]
) -> None:
    bucket = full_bucket(size, rate, START)
    assert bucket.take(size, START)
    assert not any(bucket.take(Bits(1), Instant(min(START, START + swing))) for swing in swings)


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    bucket = full_bucket(Bits(100), BitsPerSecond(10), START)
    bucket.fill(Instant(START - seconds(5)))
    assert bucket.level == 100
    assert bucket.filled_at == START


@given(SIZES, RATES, st.integers(0, 5_000), st.integers(1, 5_000), st.integers(0, 10**10))
def test_the_wait_is_exact(size: Bits, rate: BitsPerSecond, level: int, wanted: int, later: int) -> None:
    level, wanted = Bits(min(level, size)), Bits(min(wanted, size))
    now = Instant(START + later)
    bucket = TokenBucket(size, rate, START, level)
    if bucket.take(wanted, now):
        return
    wait = bucket.wait(wanted, now)
    early = TokenBucket(size, rate, bucket.filled_at, bucket.level)
    assert not early.take(wanted, Instant(now + wait - 1))
    assert bucket.take(wanted, Instant(now + wait))


def test_a_full_bucket_gathers_no_fraction_of_a_token() -> None:
    bucket = full_bucket(Bits(10), BitsPerSecond(1), START)
    assert bucket.take(Bits(10), Instant(START + seconds(0.9)))
    assert not bucket.take(Bits(1), Instant(START + seconds(1)))
    assert bucket.take(Bits(1), Instant(START + seconds(1.9)))


def test_filling_often_loses_nothing() -> None:
    bucket = TokenBucket(Bits(1_000), BitsPerSecond(7), START, Bits(0))
    for step in range(10_000):
        bucket.fill(Instant(START + step * milliseconds(1)))
    assert bucket.level == 69  # 7 a second for 9.999 s


def test_what_is_given_back_never_overflows() -> None:
    bucket = full_bucket(Bits(10), BitsPerSecond(1), START)
    bucket.take(Bits(4), START)
    bucket.fill(Instant(START + seconds(3)))
    bucket.give_back(Bits(4))
    assert bucket.level == 10


# --- two ends, one bucket -------------------------------------------------------------------------------------------


class Pair:
    """Both ends of a session; credit travels at once, or not at all when the wire is `cut`."""

    def __init__(self, size: int = 1_000, rate: int = 100) -> None:
        first = opening_tokens(Bits(size), BitsPerSecond(rate), START, is_first=True)
        second = opening_tokens(Bits(size), BitsPerSecond(rate), START, is_first=False)
        assert isinstance(first, Lender)
        assert isinstance(second, Borrower)
        self.first, self.second = first, second
        self.taken = [0, 0]
        self.now = START

    def tokens(self, end: int) -> Tokens:
        return self.second if end else self.first

    def take(self, end: int, wanted: int) -> bool:
        is_taken = self.tokens(end).take(Bits(wanted), self.now)
        self.taken[end] += wanted * is_taken
        return is_taken

    def borrow(self) -> None:
        wanted = self.second.shortage()
        if wanted:
            self.first.want(wanted, self.second.lent)

    def lend(self) -> None:
        if self.first.lend(self.now):
            self.second.lend(self.first.lent)


STEPS = st.lists(
    st.tuples(st.sampled_from(["first", "second", "borrow", "lend", "wait"]), st.integers(1, 1_200)), max_size=60
)


@invariant("A3")
@given(STEPS)
def test_both_ends_together_never_get_more_than_one_bucket_gives(steps: list[tuple[str, int]]) -> None:
    pair = Pair()
    drawn = [(START, 0)]
    for step, number in steps:
        match step:
            case "first" | "second":
                pair.take(int(step == "second"), number)
            case "borrow":
                pair.borrow()
            case "lend":
                pair.lend()
            case _:
                pair.now = Instant(pair.now + milliseconds(number))
        drawn.append((pair.now, pair.taken[0] + pair.first.lent))
        assert pair.second.used <= pair.second.lent <= pair.first.lent
        assert sum(pair.taken) <= 1_000 + 100 * in_seconds(pair.now - START)
    for index, (begin, before) in enumerate(drawn):
        for end, after in drawn[index:]:
            assert after - before <= 1_000 + 100 * in_seconds(end - begin)


@pytest.mark.parametrize("greedy", [0, 1], ids=["the first end is greedy", "the second end is greedy"])
def test_neither_end_starves_the_other(greedy: int) -> None:
    """One end asks every 10 ms; the other one comes back when it was told to."""
    pair = Pair()
    due = START
    for _ in range(12_000):
        pair.now = Instant(pair.now + milliseconds(10))
        pair.take(greedy, 40)
        if pair.now >= due:
            is_served = pair.take(1 - greedy, 40)
            due = pair.now if is_served else Instant(pair.now + pair.tokens(1 - greedy).wait(40, pair.now))
        pair.borrow()
        pair.lend()
    total = 1_000 + 100 * 120
    assert sum(pair.taken) >= 0.9 * total
    assert min(pair.taken) >= 0.4 * total


def test_a_request_of_the_whole_burst_is_served_at_the_first_end_whatever_the_second_does() -> None:
    pair = Pair()
    waits = []
    while not pair.take(0, 1_000):
        waits.append(pair.first.wait(1_000, pair.now))
        assert waits[-1] > 0
        assert len(waits) < 10
        end = Instant(pair.now + waits[-1])
        while pair.now < end:
            pair.now = Instant(min(end, pair.now + milliseconds(100)))
            pair.take(1, 20)
            pair.borrow()
            pair.lend()


def test_what_a_first_end_was_refused_is_kept_for_it_only_for_a_while() -> None:
    pair = Pair()
    pair.take(0, 750)
    pair.take(1, 250)
    pair.borrow()
    pair.now = Instant(pair.now + pair.first.wait_to_lend(pair.now))
    pair.lend()  # the second end has had its turn
    assert not pair.take(0, 1_000)
    pair.take(1, 250)
    pair.borrow()
    waits = []
    while pair.first.owed:
        waits.append(pair.first.wait_to_lend(pair.now))
        assert waits[-1] > 0
        assert len(waits) < 5
        pair.now = Instant(pair.now + waits[-1])
        pair.lend()
    assert pair.now <= START + seconds(20)


def test_a_first_end_does_not_wait_long_for_the_advance_of_a_second() -> None:
    """A quarter of this burst takes fifty seconds to gather."""
    pair = Pair(size=20_000)
    pair.take(0, 15_000)
    pair.take(1, 5_000)
    pair.borrow()
    assert not pair.take(0, 10)
    assert pair.first.wait(10, pair.now) <= seconds(1.2)


def test_the_second_end_begins_with_its_advance() -> None:
    pair = Pair()
    assert pair.take(1, 1_000 // ADVANCE_SHARE)
    assert not pair.take(1, 1)
    assert pair.first.bucket.level == 750


def test_a_request_larger_than_the_advance_is_lent_for() -> None:
    pair = Pair()
    assert pair.take(0, 400)
    assert not pair.take(1, 900)
    pair.borrow()
    assert not pair.first.lend(START)
    pair.now = Instant(START + pair.first.wait_to_lend(START))
    pair.lend()
    assert pair.take(1, 900)


def test_the_first_end_never_owes_more_than_one_bucket() -> None:
    lender = Lender(full_bucket(Bits(100), BitsPerSecond(1), START))
    lender.want(10**9, 0)
    assert lender.owed == 100
    assert lender.lend(START)
    lender.want(10**9, 100)
    assert lender.owed == 100


def test_counts_that_are_repeated_or_overtaken_change_nothing() -> None:
    pair = Pair()
    pair.take(1, 250)
    pair.borrow()
    pair.lend()
    before = (pair.first.lent, pair.first.wanted, pair.second.lent)
    pair.first.want(10, 0)
    pair.second.lend(3)
    assert (pair.first.lent, pair.first.wanted, pair.second.lent) == before


def test_a_restarted_second_end_counts_all_it_had_as_used() -> None:
    restarted = Borrower(Bits(1_000), BitsPerSecond(100), is_restored=True)
    restarted.lend(700)
    assert not restarted.take(Bits(1), START)
    restarted.lend(800)
    assert restarted.take(Bits(100), START)


def test_a_restarted_first_end_learns_what_it_has_lent() -> None:
    restarted = Lender(TokenBucket(Bits(1_000), BitsPerSecond(100), START, Bits(0)))
    restarted.want(750, 500)
    assert (restarted.lent, restarted.owed) == (500, 250)


def test_tokens_of_a_request_without_keys_come_back_at_either_end() -> None:
    pair = Pair()
    for end in (0, 1):
        assert pair.take(end, 200)
        pair.tokens(end).give_back(Bits(200))
        assert pair.take(end, 200)


@given(st.lists(st.integers(1, 400), min_size=2, max_size=10))
def test_waits_of_the_second_end_grow_with_what_is_missing(wishes: list[int]) -> None:
    borrower = Borrower(Bits(1_000), BitsPerSecond(100), lent=50)
    waits = [borrower.wait(wanted, START) for wanted in sorted(wishes)]
    assert all(one <= other for one, other in pairwise(waits))
