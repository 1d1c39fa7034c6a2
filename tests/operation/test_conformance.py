"""Examinations of a key manager of nobody's: right, it passes; each planted fault is found by the check it is for."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import pytest

from keytwin.operation.conformance import CHECKS, examine
from keytwin.operation.conformance_calls import Reply
from keytwin.operation.conformance_interview import NO_SLAVE, ONE_SAE, Subject, interview
from keytwin.operation.conformance_questions import HARMLESS, MOST_KEYS, WRONG, Heard, Q
from keytwin.operation.conformance_values import MOST_NOTES, Check, Examination, Level, NotAsked, Outcome, judge
from keytwin.vocabulary.errors import Refusal
from tests.fakes.foreign_kme import LIMITS, Acquaintance, Fault, ForeignKme, party
from tests.marks import clause

DOCUMENT: Final = "ETSI GS QKD 014 V1.1.1"

FOUND: Final[Mapping[Fault, tuple[str, ...]]] = {
    Fault.STATUS_MISSING: ("status is told to the master",),
    Fault.STATUS_TEXT: ("status has all its members, each of its type",),
    Fault.STATUS_SWAPPED: ("status names the caller as master, and the SAE of the path as slave",),
    Fault.STATUS_OVERFULL: ("the numbers of status fit one another",),
    Fault.NO_GET: ("GET enc_keys brings one key", "GET and POST of one request are answered alike"),
    Fault.NO_EMPTY: ("POST enc_keys with an empty object brings one key",),
    Fault.ONE_KEY: ("number is honoured by GET and POST alike, or refused in words",),
    Fault.ONE_BY_GET: ("GET and POST of one request are answered alike",),
    Fault.SIZE_CRASH: ("size is honoured by GET and POST alike, or refused in words",),
    Fault.SIZE_IGNORED: ("each key has the size asked for, or key_size",),
    Fault.OPTIONAL_REFUSED: ("an unknown extension_optional is passed over",),
    Fault.KEY_NUMBER: ("a key container has its form",),
    Fault.KEYS_LARGE: ("the array of a key container is called keys, as in the examples",),
    Fault.IDS_COUNTED: ("each key_ID is a UUID",),
    Fault.HEX: ("each key is base64 (RFC 4648)",),
    Fault.SAME_ID: ("no key_ID comes twice",),
    Fault.SAME_KEY: ("no key comes twice",),
    Fault.OTHER_KEY: (
        "GET dec_keys brings the slave the master's key",
        "POST dec_keys brings the slave the master's keys",
    ),
    Fault.OTHER_TAKES: ("what another SAE was refused stays its slave's",),
    Fault.LIST_TAKES: ("a list of key_IDs that is refused consumes none of them",),
    Fault.TWICE: ("a key is fetched once",),
    Fault.INVENTS: ("an unknown key_ID is refused with 400",),
    Fault.PARTLY: ("a list with an unknown key_ID is refused with 400",),
    Fault.ANYTHING_FETCHED: ("key_IDs that are none, or no UUIDs, are refused with 400",),
    Fault.ANYONE: ("a key is refused to an SAE that it was not asked for",),
    Fault.FORBIDDEN: ("such an SAE is told 401",),
    Fault.TALKS: ("401 comes without a body",),
    Fault.ODD_CUT: ("a size that is no multiple of 8 is refused with 400, or served",),
    Fault.ZERO: ("number 0 is refused with 400",),
    Fault.TEXT_READ: ("a number that is text is refused with 400",),
    Fault.NO_MOST_NUMBER: ("a number above max_key_per_request is refused with 400",),
    Fault.NO_MOST_SIZE: ("a size above max_key_size is refused with 400",),
    Fault.NO_LEAST_SIZE: ("a size below min_key_size is refused with 400",),
    Fault.SLAVES_IGNORED: ("unknown additional_slave_SAE_IDs are refused",),
    Fault.MANDATORY_IGNORED: ("an unknown extension_mandatory is refused with 400",),
    Fault.OWN_WORDS: ("refusals use the words of the standard",),
    Fault.NO_JSON_READ: ("a body that is no JSON is refused",),
    Fault.ANY_VERB: ("other verbs and paths are refused with 4xx",),
    Fault.ANY_SLAVE: ("keys with an unknown SAE are refused with 4xx",),
    Fault.CRASHES: ("no mistake of the caller's is answered with 5xx",),
    Fault.CREATED: ("what is right is answered with a code of the standard",),
    Fault.HTML: ("answers are application/json",),
    Fault.SILENT: ("400 and 503 come with a message",),
    Fault.REFUSAL_TAKES: ("what is refused to the master leaves the stock as it was",),
    Fault.NO_LOCK: ("nobody is served without a client certificate",),
    Fault.LATE_LOCK: ("without a client certificate there is no connection",),
}
ALONE: Final = frozenset(Fault) - {
    *(Fault.STATUS_MISSING, Fault.NO_GET, Fault.NO_EMPTY, Fault.ONE_BY_GET, Fault.SIZE_CRASH, Fault.KEY_NUMBER),
    *(Fault.HEX, Fault.SAME_ID, Fault.OTHER_KEY, Fault.INVENTS, Fault.PARTLY, Fault.ANYTHING_FETCHED, Fault.ANYONE),
    *(Fault.TALKS, Fault.CRASHES, Fault.CREATED, Fault.SILENT, Fault.NO_LOCK),
}
"""The faults that break one rule only: no other check may name them."""


def examined(*faults: Fault, busy: int = 0) -> Examination:
    kme = ForeignKme(faults, busy=busy)
    return examine(Subject(party("alice"), party("bob"), 1.0), partial(Acquaintance, kme))


def titled(done: Examination, outcome: Outcome) -> set[str]:
    return {result.title for result in done.results if result.outcome is outcome}


@clause(DOCUMENT, "5.1")
def test_a_right_key_manager_passes_every_check() -> None:
    done = examined()
    assert titled(done, Outcome.PASS) == {check.title for check in CHECKS}
    assert done.is_passed
    assert done.keys_used == MOST_KEYS - 1  # the last is for one that serves a size that is no multiple of 8


def test_no_two_checks_have_one_title() -> None:
    assert len({check.title for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("fault", Fault)
def test_each_planted_fault_is_found_by_its_check(fault: Fault) -> None:
    done = examined(fault)
    failed = titled(done, Outcome.FAIL)
    assert failed >= set(FOUND[fault]), fault
    if fault in ALONE:
        assert failed == set(FOUND[fault])
    levels = {result.level for result in done.results if result.outcome is Outcome.FAIL}
    assert done.is_passed == (Level.MUST not in levels)
    assert all(result.notes for result in done.results if result.outcome is not Outcome.PASS)


def test_every_check_can_fail() -> None:
    assert {title for titles in FOUND.values() for title in titles} == {check.title for check in CHECKS}


def test_no_finding_shows_a_key() -> None:
    for fault in Fault:
        kme = ForeignKme([fault])
        heard = interview(Subject(party("alice"), party("bob"), 0.0), partial(Acquaintance, kme))
        told = repr([judge(check, heard) for check in CHECKS]) + repr(heard)
        keys = [key.octets for question in Q for key in heard.keys(question) if key.octets]
        assert keys or fault in {Fault.CREATED, Fault.KEY_NUMBER, Fault.HEX}
        assert not any(key.hex() in told or repr(key)[2:-1] in told for key in keys if len(key) > 8)


def test_what_a_key_cannot_be_read_from_is_not_passed_in_silence() -> None:
    skipped = titled(examined(Fault.HEX), Outcome.SKIP)
    assert {"no key comes twice", "each key has the size asked for, or key_size"} <= skipped


def test_without_the_slaves_certificate_its_checks_are_skipped_and_say_so() -> None:
    kme = ForeignKme()
    subject = Subject(party("alice"), party("bob", is_known=False))
    done = examine(subject, partial(Acquaintance, kme))
    skipped = {result.title: result.notes for result in done.results if result.outcome is Outcome.SKIP}
    assert done.is_passed
    assert skipped["a key is fetched once"] == (NO_SLAVE,)
    assert skipped["POST dec_keys brings the slave the master's keys"] == (NO_SLAVE,)
    assert "a key is refused to an SAE that it was not asked for" not in skipped  # the master tries that
    assert "GET enc_keys brings one key" not in skipped


def test_one_sae_may_be_both_and_is_then_no_stranger() -> None:
    kme = ForeignKme()
    done = examine(Subject(party("alice"), party("alice")), partial(Acquaintance, kme))
    skipped = {result.title: result.notes for result in done.results if result.outcome is Outcome.SKIP}
    assert done.is_passed
    assert skipped["a key is refused to an SAE that it was not asked for"] == (ONE_SAE,)
    assert "a key is fetched once" not in skipped


def test_503_is_asked_again() -> None:
    assert examined(busy=5).is_passed


def test_503_without_end_fails_where_a_key_was_due() -> None:
    kme = ForeignKme(busy=10**6)
    done = examine(Subject(party("alice"), party("bob"), 0.0), partial(Acquaintance, kme))
    assert "GET enc_keys brings one key" in titled(done, Outcome.FAIL)
    assert done.keys_used == 0


def test_a_key_manager_that_gives_one_key_at_a_time_is_not_asked_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "max_key_per_request", 1)
    monkeypatch.setitem(LIMITS, "max_key_size", 256)
    monkeypatch.setitem(LIMITS, "min_key_size", 256)
    done = examined()
    assert done.is_passed
    assert titled(done, Outcome.SKIP) >= {
        "number is honoured by GET and POST alike, or refused in words",
        "size is honoured by GET and POST alike, or refused in words",
    }


def test_a_key_manager_without_a_lower_limit_has_nothing_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "min_key_size", 8)
    assert titled(examined(), Outcome.SKIP) == {"a size below min_key_size is refused with 400"}


def test_nobody_there_is_a_refusal() -> None:
    stranger = replace(party("alice"), papers=None)
    kme = ForeignKme()
    with pytest.raises(Refusal, match="no answer to alice: tls handshake failure"):
        examine(Subject(party("alice"), party("bob")), lambda _: Acquaintance(kme, stranger))


def test_of_many_findings_some_are_told() -> None:
    heard = interview(Subject(party("alice"), party("bob")), partial(Acquaintance, ForeignKme()))
    notes = [str(number) for number in range(MOST_NOTES + 3)]
    many: Check[Heard] = Check("-", Level.MUST, "many", lambda _: iter(notes))
    assert judge(many, heard).notes[MOST_NOTES:] == ("and 3 more",)


def test_a_question_is_right_or_wrong_or_nobodys() -> None:
    assert {*HARMLESS, *WRONG, Q.NO_CERTIFICATE} == set(Q)
    assert not {*HARMLESS} & {*WRONG}


def test_what_was_not_heard_cannot_be_judged() -> None:
    heard = interview(Subject(party("alice"), party("bob", is_known=False)), partial(Acquaintance, ForeignKme()))
    with pytest.raises(NotAsked, match=NO_SLAVE):
        heard[Q.UNKNOWN_ID]
    with pytest.raises(NotAsked):
        heard.among((Q.UNKNOWN_ID, Q.NO_IDS))
    with pytest.raises(NotAsked, match="no colour"):
        heard.limit("colour")


def test_a_key_manager_that_has_gone_away_refuses_nobody() -> None:
    heard = interview(Subject(party("alice"), party("bob")), partial(Acquaintance, ForeignKme()))
    gone = replace(heard, replies={**heard.replies, Q.NO_CERTIFICATE: Reply(0, why="connection refused")})
    skipped = {check.title for check in CHECKS if judge(check, gone).outcome is Outcome.SKIP}
    assert skipped == {
        "nobody is served without a client certificate",
        "without a client certificate there is no connection",
    }


def test_an_odd_size_may_be_served() -> None:
    heard = interview(Subject(party("alice"), party("bob")), partial(Acquaintance, ForeignKme()))
    title = "a size that is no multiple of 8 is refused with 400, or served"
    (check,) = (check for check in CHECKS if check.title == title)
    for octets, outcome in ((33, Outcome.PASS), (32, Outcome.FAIL)):
        key = base64.b64encode(bytes(octets)).decode()
        body = json.dumps({"keys": [{"key_ID": "x", "key": key}]}).encode()
        served = replace(heard, replies={**heard.replies, Q.ODD_SIZE: Reply(200, "application/json", body)})
        assert judge(check, served).outcome is outcome


def test_a_stranger_may_be_refused_in_the_handshake_and_not_by_silence() -> None:
    heard = interview(Subject(party("alice"), party("bob")), partial(Acquaintance, ForeignKme()))
    title = "a key is refused to an SAE that it was not asked for"
    (check,) = (check for check in CHECKS if check.title == title)
    for is_refused, outcome in ((True, Outcome.PASS), (False, Outcome.FAIL)):
        silent = replace(heard, replies={**heard.replies, Q.BY_OTHER: Reply(0, is_refused_in_tls=is_refused)})
        assert judge(check, silent).outcome is outcome


def consumed(faults: Collection[Fault]) -> int:
    kme = ForeignKme(faults)
    examine(Subject(party("alice"), party("bob"), 0.0), partial(Acquaintance, kme))
    return len(kme.waiting)


def test_no_key_is_left_behind() -> None:
    assert consumed(()) == 0
