"""The table and the verdict of `make bench-hostile`; the benchmark itself is no test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.hostile import ATTACKS, LEAST_SHARE, MOST_GROWTH, Trial, between, main, table, verdict
from benchmarks.hostile_attacks import ATTACKS as FUNCTIONS
from benchmarks.hostile_attacks import Held
from benchmarks.hostile_client import PATIENCE, Service, service_of

QUIET = Service(requests=1_000, seconds=5.0, median=4.0, p99=20.0)
TRIAL = Trial("nobody is hostile", QUIET, QUIET, Held(5_000, 2_038, 5_000), 10.0)
SLOW = Service(requests=1_000, seconds=5.0, median=4.0, p99=251.0)


def test_every_attack_has_a_name_and_a_function() -> None:
    assert ATTACKS.keys() == FUNCTIONS.keys()


def test_as_before_is_good() -> None:
    said, code = verdict([TRIAL, TRIAL])
    assert code == 0
    assert said.startswith("good: others are served as before (at least 0.7 of the requests")


@pytest.mark.parametrize(
    ("trial", "fault"),
    [
        (replace(TRIAL, during=Service(699, 5.0, 4.0, 20.0)), "0.70 of the requests"),
        (replace(TRIAL, during=Service(0, 5.0, 4.0, 20.0)), "0.00 of the requests"),
        (replace(TRIAL, during=Service(1_000, 5.0, 4.0, 20.0, 1, "EOFError: x")), "1 errors, such as EOFError: x"),
        (replace(TRIAL, during=SLOW), "99 % within 251 ms only"),
        (replace(TRIAL, growth=MOST_GROWTH + 1.0), "257 MiB more"),
        (replace(TRIAL, without=Service(1_000, 5.0, 4.0, 20.0, 2, "y")), "2 errors without it, such as y"),
        (replace(TRIAL, without=Service(0, 5.0, 4.0, 20.0)), "0.00 of the requests"),
    ],
)
def test_each_thing_that_is_not_as_before_is_told_and_is_an_exit_code(trial: Trial, fault: str) -> None:
    assert trial.faults == (fault,)
    assert verdict([TRIAL, trial]) == (f"BAD: others are not served as before\nnobody is hostile: {fault}", 1)


def test_what_is_at_the_bound_is_good() -> None:
    at = Service(requests=int(1_000 * LEAST_SHARE), seconds=5.0, median=4.0, p99=250.0)
    assert replace(TRIAL, during=at, growth=float(MOST_GROWTH)).faults == ()


def test_a_slow_machine_is_measured_by_itself() -> None:
    assert replace(TRIAL, without=replace_p99(60.0), during=replace_p99(299.0)).faults == ()
    assert replace(TRIAL, without=replace_p99(60.0), during=replace_p99(301.0)).faults != ()


def replace_p99(p99: float) -> Service:
    return Service(QUIET.requests, QUIET.seconds, QUIET.median, p99)


def test_the_table_has_each_trial_with_all_its_figures() -> None:
    heading, line = table([replace(TRIAL, during=SLOW)])
    assert "requests/s" in heading
    assert line.split() == [
        *("nobody", "is", "hostile", "200", "200", "4.0", "4.0", "20.0", "251.0", "0", "+10", "MiB"),
        *("2,038", "of", "5,000,", "5,000", "opened"),
    ]


def test_both_sides_of_an_attack_are_put_together() -> None:
    after = Service(requests=500, seconds=5.0, median=8.0, p99=80.0, errors=1, first_error="x")
    both = between(QUIET, after)
    assert (both.rate, both.median, both.p99, both.errors, both.first_error) == (150.0, 6.0, 80.0, 1, "x")


def test_times_are_summed_up() -> None:
    told = service_of([number / 1_000 for number in range(100, 0, -1)], 2.0, ["first", "second"])
    assert (told.requests, told.rate, told.median, told.p99) == (100, 50.0, 51.0, 100.0)
    assert (told.errors, told.first_error) == (2, "first")


def test_without_an_answer_nothing_is_quick() -> None:
    assert service_of([], 2.0, ["x"]).p99 == 1_000 * PATIENCE


def test_an_attack_that_is_not_there_is_told_before_anything_starts() -> None:
    with pytest.raises(SystemExit, match="there is no attack plague: there are one_mute"):
        main("1", "plague")
