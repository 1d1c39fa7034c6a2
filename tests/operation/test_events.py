"""The newest events of a live network, by number."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from keytwin.operation.events import RecentEvents
from keytwin.runtime.trace import line
from keytwin.vocabulary.events import KeysAnswered, KeysRelayed
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, SaeId, km_of
from keytwin.vocabulary.units import Duration, Instant

KM = km_of(NodeId("a"))


def kept(count: int, most: int = 5) -> RecentEvents:
    """Keep at most so many of these events, whose instants are their numbers."""
    events = RecentEvents(most)
    for number in range(1, count + 1):
        events.see(Instant(number), KM, KeysRelayed(NodeId("a"), Ksid("k"), number))
    return events


def numbers(events: RecentEvents, after: int, limit: int) -> list[int]:
    return [each.number for each in events.page(after, limit).events]


def test_there_may_be_none_yet() -> None:
    page = kept(0).page(0, 10)
    assert (page.events, page.last, page.missed) == ((), 0, 0)


def test_an_event_is_written_as_in_a_trace() -> None:
    (event,) = kept(1).page(0, 10).events
    assert bytes(event.event) == line(Instant(1), KM, KeysRelayed(NodeId("a"), Ksid("k"), 1))
    assert json.loads(bytes(event.event)) == {
        "at": 1,
        "element": "km/a",
        "type": "KeysRelayed",
        "node": "a",
        "ksid": "k",
        "number": 1,
    }


def test_pages_follow_one_another_without_a_gap() -> None:
    events = kept(5)
    first = events.page(0, 2)
    second = events.page(first.last, 2)
    assert [each.number for each in (*first.events, *second.events)] == [1, 2, 3, 4]
    assert (numbers(events, second.last, 2), events.page(5, 2).last) == ([5], 5)


def test_the_oldest_go_first_and_are_counted() -> None:
    events = kept(12)
    page = events.page(3, 100)
    assert ([each.number for each in page.events], page.missed, page.last) == ([8, 9, 10, 11, 12], 4, 12)
    assert events.page(9, 100).missed == 0


def test_events_with_many_names_push_out_more() -> None:
    events = RecentEvents(most=100, most_key_ids=10)
    for number in (4, 4, 4, 9, 1):
        ids = tuple(KeyId(str(each)) for each in range(number))
        events.see(
            Instant(0), KM, KeysAnswered(NodeId("a"), Ksid("k"), SaeId("s"), ids, is_master=True, waited=Duration(0))
        )
    assert (numbers(events, 0, 100), events.page(0, 100).missed) == ([4, 5], 3)


def test_whoever_heard_an_earlier_run_begins_anew() -> None:
    page = kept(2).page(40, 10)
    assert ([each.number for each in page.events], page.missed) == ([1, 2], 0)


@given(st.integers(0, 30), st.integers(1, 9), st.integers(1, 7))
def test_reading_on_gives_each_kept_event_once(count: int, most: int, limit: int) -> None:
    events = kept(count, most)
    seen: list[int] = []
    missed, after = 0, 0
    while True:
        page = events.page(after, limit)
        seen += [json.loads(bytes(each.event))["number"] for each in page.events]
        missed, after = missed + page.missed, page.last
        if not page.events:
            break
    assert (seen, missed) == (list(range(max(0, count - most) + 1, count + 1)), max(0, count - most))
    assert events.last == count
