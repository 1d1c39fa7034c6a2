"""Comparing both ends of an app, and closing the books."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from keytwin.scenario.ledger import app_evidence, compare, open_books, percentile, shortfalls, trespasses
from keytwin.service.application import Application
from keytwin.service.key_requests import Book
from keytwin.vocabulary.blueprint import App, Endpoint
from keytwin.vocabulary.evidence import KeyAccount, LinkAccount
from keytwin.vocabulary.identity import AppId, KeyId, LinkId, NodeId, SaeId, UserId
from keytwin.vocabulary.operator_messages import AskForKeys
from keytwin.vocabulary.units import Bits, Duration, Instant
from tests.marks import invariant

APP: Final = App(
    AppId("app01"), UserId("alice"), (Endpoint(SaeId("a"), NodeId("km0")), Endpoint(SaeId("b"), NodeId("km1")))
)


def digests(**values: str) -> dict[KeyId, bytes]:
    return {KeyId(name): value.encode() for name, value in values.items()}


def ends() -> list[Application]:
    a, b = SaeId("a"), SaeId("b")
    return [
        Application(a, NodeId("km0"), {APP.id: b}, bytes(32)),
        Application(b, NodeId("km1"), {APP.id: a}, bytes(32)),
    ]


@invariant("K2")
def test_compares_what_each_master_got_with_what_the_other_end_fetched() -> None:
    first = Book(as_master=digests(k1="x", k2="y"), as_slave=digests(k3="z"))
    second = Book(as_master=digests(k3="other", k4="w"), as_slave=digests(k1="x"))
    compared = compare(first, second)
    assert (compared.pairs, compared.equal) == (2, 1)


@invariant("K1")
def test_a_key_that_is_master_s_and_slave_s_at_one_end_was_delivered_twice() -> None:
    first = Book(as_master=digests(k1="x"), as_slave=digests(k1="x"))
    compared = compare(first, Book())
    assert compared.repeated == 1
    assert trespasses(APP, compared) == ["app01: 1 keys were delivered twice to the same end"]


@invariant("K1")
def test_a_selfpair_is_both_ends_with_one_book() -> None:
    book = Book(asked=3, as_master=digests(k1="x", k2="y", k3="z"), as_slave=digests(k1="x", k2="y"), repeated=1)
    compared = compare(book, book)
    assert (compared.pairs, compared.equal, compared.repeated) == (2, 2, 1)
    (alone,) = ends()[:1]
    alone.requests[APP.id].book = book
    evidence = app_evidence(APP, [alone], compared)
    assert (evidence.asked, evidence.pairs, evidence.equal) == (3, 2, 2)


@invariant("K1")
def test_one_key_under_two_identifiers_is_noticed() -> None:
    first = Book(as_master=digests(k1="same", k2="same"))
    second = Book(as_slave=digests(k1="same", k2="same"))
    assert trespasses(APP, compare(first, second)) == ["app01: 1 keys were delivered under two identifiers"]


def test_clean_books_hold_no_trespass() -> None:
    assert trespasses(APP, compare(Book(as_master=digests(k1="x")), Book(as_slave=digests(k1="x")))) == []


def test_evidence_joins_both_ends() -> None:
    applications = ends()
    books = [application.book(APP.id) for application in applications]
    sessions = [application.sessions[APP.id] for application in applications]
    books[0].asked, books[1].asked, books[1].refused = 3, 2, 1
    books[0].waits, books[1].waits = [Duration(5), Duration(1)], [Duration(9)]
    books[0].first_answer, books[0].last_answer = Instant(20), Instant(40)
    books[1].first_answer, books[1].last_answer = Instant(10), Instant(30)
    sessions[0].started_at, sessions[0].opened_at = Instant(2), Instant(8)
    sessions[1].started_at, sessions[1].opened_at = Instant(3), Instant(7)
    sessions[0].key_size, sessions[0].hops = Bits(256), 2
    sessions[1].ended = "closed"
    found = app_evidence(APP, applications, compare(*books))
    assert (found.asked, found.refused, found.hops, found.key_size, found.ended) == (5, 1, 2, 256, "closed")
    assert (found.first_answer, found.last_answer, found.opened_after) == (10, 40, 5)
    assert (found.wait_median, found.wait_p99) == (5, 9)


def test_an_app_that_never_opened_has_no_times() -> None:
    applications = ends()
    found = app_evidence(APP, applications, compare(*(each.book(APP.id) for each in applications)))
    assert (found.opened_after, found.first_answer, found.last_answer, found.wait_median) == (None, None, None, None)


@invariant("P5")
def test_says_which_books_do_not_close() -> None:
    node, link = NodeId("km0"), LinkId("km0--km1")
    closed = LinkAccount(node, link, node, ingested=100, pad=60, tag=32, stored=8)
    gap = LinkAccount(NodeId("km1"), link, node, ingested=100, stored=88)
    keys = [KeyAccount(node, made=5, delivered=3, stored=2), KeyAccount(NodeId("km1"), taken=5, delivered=6)]
    assert open_books([closed, gap], keys) == [
        "the books of km1 on km0--km1, out of km0, lack 12 octets",
        "the key books of km1 lack -1 keys",
    ]


@given(st.lists(st.integers(0, 1_000), min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_value_with_its_share_at_or_below_it(values: list[int], share: int) -> None:
    ordered = sorted(Duration(value) for value in values)
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) * 100 >= share * len(ordered)
    assert sum(value < found for value in ordered) * 100 < share * len(ordered)


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 50) is None


def test_the_hops_are_those_of_the_newest_route_and_unanswered_keys_count() -> None:
    both = ends()
    first = both[0].sessions[APP.id]
    first.hops = 1
    both[0].receive(AskForKeys(APP.id, 2, None, 3, Duration(0)), Instant(0))
    found = app_evidence(APP, both, compare(Book(), Book()), hops=2)
    assert (found.hops, found.asked, found.unanswered, found.refused) == (2, 6, 6, 0)


def test_the_operator_is_told_who_went_short() -> None:
    both = ends()
    both[0].book(APP.id).asked, both[0].book(APP.id).refused, both[1].book(APP.id).throttled = 10, 4, 3
    both[1].receive(AskForKeys(APP.id, 1, None, 1, Duration(0)), Instant(0))
    assert list(shortfalls([app_evidence(APP, both, compare(Book(), Book()))])) == [
        "app01: 4 of 11 keys asked for were refused",
        "app01: 1 of 11 keys asked for were still waited for at the end",
        "app01: requests were put off 3 times, its granted rate being used up",
    ]
    assert list(shortfalls([app_evidence(APP, ends(), compare(Book(), Book()))])) == []


def test_the_operator_is_told_of_a_session_that_never_opened() -> None:
    both = ends()
    both[0].sessions[APP.id].ended = "no route now"
    (told,) = shortfalls([app_evidence(APP, both, compare(Book(), Book()))])
    assert told == "app01 got no key, because its session never opened: no route now"
