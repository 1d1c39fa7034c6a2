"""Routes by epoch, and which key managers may still hold which: nothing counts as gone too early."""

from __future__ import annotations

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.control.epochs import Epochs
from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Instant
from tests.control.plane import route

LATE: Final = Instant(10**12)


A, B, C, D = (NodeId(name) for name in "abcd")
OVER_B, OVER_D = route("a", "b", "c"), route("a", "d", "c")


def moved() -> Epochs:
    """A session that was on a-b-c and is now being configured on a-d-c."""
    epochs = Epochs()
    epochs.adopt(OVER_B, LATE)
    for node in OVER_B.nodes:
        epochs.confirm(node, 1)
    epochs.adopt(OVER_D, LATE)
    return epochs


def test_there_is_no_route_before_the_first() -> None:
    epochs = Epochs()
    assert epochs.route is None
    assert epochs.unconfirmed() == epochs.holding() == []
    assert epochs.leavers() == []


def test_a_route_waits_for_the_confirmation_of_each_key_manager() -> None:
    epochs = Epochs()
    epochs.adopt(OVER_B, LATE)
    assert (epochs.newest, epochs.route) == (1, OVER_B)
    epochs.confirm(B, 1)
    epochs.confirm(B, 1)
    assert epochs.unconfirmed() == [A, C]


def test_a_confirmation_of_an_older_epoch_confirms_nothing() -> None:
    epochs = moved()
    epochs.confirm(A, 1)
    assert epochs.unconfirmed() == [A, D, C]


def test_who_has_lost_it_is_unconfirmed_again() -> None:
    epochs = Epochs()
    epochs.adopt(OVER_B, LATE)
    epochs.confirm(B, 1)
    epochs.doubt(B)
    assert B in epochs.unconfirmed()


def test_only_those_off_the_new_route_are_to_delete_the_old_one() -> None:
    assert moved().leavers() == [(B, 1)]


def test_the_old_route_is_gone_when_leavers_have_deleted_and_stayers_have_replaced_it() -> None:
    epochs = moved()
    epochs.clear(B, 1)
    assert epochs.release() == []  # a and c may still use it
    epochs.confirm(A, 2)
    assert epochs.release() == []
    epochs.confirm(C, 2)
    assert epochs.release() == [1]
    assert epochs.release() == []
    assert list(epochs.routes) == [2]


def test_the_old_route_is_gone_when_its_lease_has_surely_expired() -> None:
    epochs = moved()
    epochs.expire(Instant(LATE - 1))
    assert epochs.release() == []
    epochs.expire(LATE)
    assert epochs.release() == [1]


def test_a_node_that_comes_back_counts_as_holding_the_old_route_until_it_has_the_new_one() -> None:
    epochs = moved()
    epochs.adopt(route("a", "b", "d", "c"), LATE)
    assert epochs.leavers() == []
    for node in (A, C, D):
        epochs.confirm(node, 3)
    assert epochs.release() == [2]
    epochs.confirm(B, 3)
    assert epochs.release() == [1]


def test_an_epoch_that_some_key_manager_has_buried_is_skipped() -> None:
    epochs = moved()
    epochs.floor = 7
    epochs.adopt(OVER_B, LATE)
    assert epochs.newest == 8


def test_everything_may_be_held_again_after_a_restart() -> None:
    epochs = Epochs()
    epochs.restore({2: OVER_D, 1: OVER_B}, 2, LATE)
    assert epochs.holding() == [A, B, C, D]
    assert epochs.leavers() == [(B, 1)]
    assert epochs.unconfirmed() == [A, D, C]


def test_a_session_that_is_over_holds_nothing() -> None:
    epochs = moved()
    assert epochs.release_all() == [1, 2]
    assert (epochs.route, epochs.holding(), epochs.retired, epochs.newest) == (None, [], {}, 2)


ROUTES: Final = st.sampled_from([OVER_B, OVER_D, route("a", "c"), route("a", "b", "d", "c")])
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("adopt"), ROUTES, st.just(0)),
        st.tuples(st.just("configured"), st.sampled_from((A, B, C, D)), st.integers(1, 5)),
        st.tuples(st.just("deleted"), st.sampled_from((A, B, C, D)), st.integers(1, 5)),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(STEPS)
def test_nothing_is_given_back_that_a_key_manager_may_still_hold(steps: list[tuple[str, Route | NodeId, int]]) -> None:
    """Key managers hold the highest epoch they were sent, until they take a higher one or delete it."""
    epochs = Epochs()
    held: dict[NodeId, set[int]] = {node: set() for node in (A, B, C, D)}
    for what, subject, number in steps:
        if isinstance(subject, Route):
            epochs.adopt(subject, LATE)
            for node in subject.nodes:
                held[node].add(epochs.newest)
        elif what == "configured" and number in held[subject]:
            held[subject] = {epoch for epoch in held[subject] if epoch >= number}
            epochs.confirm(subject, number)
        elif what == "deleted":
            held[subject] = {epoch for epoch in held[subject] if epoch > number}
            epochs.clear(subject, number)
        for freed in epochs.release():
            assert all(freed not in epochs_held for epochs_held in held.values())
        assert {node for node, epochs_held in held.items() if epochs_held} <= set(epochs.holding())
