"""An examination of a foreign key manager as it is held: which questions are put, by whom, in which order.

The order matters. What others should be refused comes before the slave fetches the same key, so that a refusal which
consumes shows; what is to be refused to the master stands between two looks at the stock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from keytwin.operation.conformance_calls import Asker, Party, Reply, Visit, target_of, visitor_of
from keytwin.operation.conformance_questions import FETCHES, Heard, Q, Question
from keytwin.operation.conformance_values import NotAsked
from keytwin.vocabulary.errors import Refusal

UNKNOWN_ID: Final = "00000000-0000-4000-8000-000000000000"
UNKNOWN_SAE: Final = "keytwin-conform-nobody"
EXTENSION: Final = "keytwin_conform_probe"  # a vendor's prefix, as the standard advises; nobody knows it
USUAL_PAUSE: Final = 1  # seconds, where a refusal does not say how long
LONGEST_PAUSE: Final = 10  # seconds: who says more is asked again all the same

NO_SLAVE: Final = "the slave's certificate was not given"
NO_KEY: Final = "the master was given no key for it"
ONE_SAE: Final = "master and slave are one SAE"
ONE_KEY: Final = "max_key_per_request is 1"
NOTHING_BELOW: Final = "no size is below min_key_size"

Members = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined: the faces of a key manager, or of two, as a master and a slave see them.

    `patience`: seconds for which a question that is answered with 503 is put again.
    """

    master: Party
    slave: Party
    patience: float = 30.0


def interview(subject: Subject, visit: Visit = visitor_of) -> Heard:
    """Put all questions; Refusal when nothing answers at all. `visit` gives who asks as a party."""
    held = _Interview(subject, visit)
    held.begin()
    held.take_keys()
    held.fetch_keys()
    held.fetch_wrongly()
    held.ask_wrongly()
    held.come_without_certificate()
    return held.heard


class _Interview:
    """The questions in their order, and what was heard so far."""

    def __init__(self, subject: Subject, visit: Visit) -> None:
        assert subject.master.papers is not None, "a master has a certificate"
        self._subject = subject
        self._visit = visit
        self._enc_keys = target_of(subject.slave.sae, "enc_keys")
        self._dec_keys = target_of(subject.master.sae, "dec_keys")
        self._status = target_of(subject.slave.sae, "status")
        self._master = visit(subject.master)
        self._slave = visit(subject.slave) if subject.slave.papers else None
        self._replies: dict[Question, Reply] = {}
        self._reasons: dict[Question, str] = {}
        self.heard = Heard(subject.master.sae, subject.slave.sae, self._replies, self._reasons)

    def begin(self) -> None:
        """Ask for status, with patience: on the first answer all others depend."""
        reply = self._patiently(self._master, "GET", self._status, None)
        if not reply.status:
            raise Refusal(
                f"{self._subject.master.url} gave no answer to {self._subject.master.sae}: {reply.why}; "
                "look at the address, at --ca, and whether the key manager knows the certificate"
            )
        self._replies[Q.STATUS] = reply

    def take_keys(self) -> None:
        """Get keys as the master, in all the ways that the standard has."""
        self._take_by_get(Q.GET_ONE, {})
        self._take(Q.POST_EMPTY, {})
        if _limit(self.heard, "max_key_per_request", 2) < 2:
            self._leave(ONE_KEY, Q.GET_TWO, Q.POST_TWO)
        else:
            self._take_by_get(Q.GET_TWO, {"number": 2})
            self._take(Q.POST_TWO, {"number": 2})
        try:
            size = self.heard.other_size
        except NotAsked as unknown:
            self._leave(str(unknown), Q.GET_SIZE, Q.POST_SIZE)
        else:
            self._take_by_get(Q.GET_SIZE, {"size": size})
            self._take(Q.POST_SIZE, {"size": size})
        self._take(Q.OPTIONAL, {"extension_optional": [{EXTENSION: 1}]})

    def fetch_keys(self) -> None:
        """Fetch them as the slave; before that, let the master try."""
        own = self.heard.ids(Q.POST_EMPTY)
        if self._subject.master.sae == self._subject.slave.sae:
            self._leave(ONE_SAE, Q.BY_OTHER)
        elif not own:
            self._leave(NO_KEY, Q.BY_OTHER)
        else:
            other = replace(self._subject.slave, papers=self._subject.master.papers)
            self._replies[Q.BY_OTHER] = self._visit(other).ask("POST", self._dec_keys, _named(own))
        self._fetch(Q.AFTER_OTHER, own)
        for question, brought in FETCHES.items():
            self._fetch(question, self.heard.ids(brought), by_get=question in {Q.FETCH_GET, Q.FETCH_SIZE})
        self._fetch(Q.AGAIN, self.heard.ids(Q.GET_ONE) if Q.FETCH_GET in self._replies else [])

    def fetch_wrongly(self) -> None:
        """Ask as the slave for what is not there."""
        more = self.heard.ids(Q.OPTIONAL)
        self._fetch(Q.MIXED, [*more, UNKNOWN_ID] if more else [])
        self._fetch(Q.AFTER_MIXED, more)
        self._fetch(Q.UNKNOWN_ID, [UNKNOWN_ID])
        self._fetch(Q.MALFORMED_ID, ["no-uuid"])
        if self._slave is None:
            self._leave(NO_SLAVE, Q.NO_IDS)
        else:
            self._replies[Q.NO_IDS] = self._slave.ask("POST", self._dec_keys, b"{}")

    def ask_wrongly(self) -> None:
        """Ask as the master for what is to be refused, between two looks at the stock."""
        self._replies[Q.STATUS_BEFORE] = self._patiently(self._master, "GET", self._status, None)
        self._refusable(Q.ODD_SIZE, {"size": _limit(self.heard, "key_size", 256) // 8 * 8 + 1})
        self._refusable(Q.NUMBER_ZERO, {"number": 0})
        self._refusable(Q.NUMBER_TEXT, {"number": "two"})
        self._refusable(Q.UNKNOWN_SLAVES, {"additional_slave_SAE_IDs": [UNKNOWN_SAE]})
        self._refusable(Q.MANDATORY, {"extension_mandatory": [{EXTENSION: 1}]})
        self._beyond_status()
        self._replies[Q.NO_JSON] = self._master.ask("POST", self._enc_keys, b"number=1")
        self._replies[Q.WRONG_VERB] = self._master.ask("DELETE", self._enc_keys)
        self._replies[Q.WRONG_STATUS_VERB] = self._master.ask("POST", self._status, b"{}")
        self._replies[Q.WRONG_PATH] = self._master.ask("GET", self._enc_keys.replace("/v1/", "/v0/", 1))
        self._replies[Q.UNKNOWN_SLAVE] = self._master.ask("GET", target_of(UNKNOWN_SAE, "enc_keys"))
        self._replies[Q.STATUS_AFTER] = self._patiently(self._master, "GET", self._status, None)

    def come_without_certificate(self) -> None:
        """Ask for status as nobody."""
        nobody = replace(self._subject.master, papers=None)
        self._replies[Q.NO_CERTIFICATE] = self._visit(nobody).ask("GET", self._status)

    def _beyond_status(self) -> None:
        beyond = (
            (Q.NUMBER_ABOVE, "number", "max_key_per_request", 1),
            (Q.SIZE_ABOVE, "size", "max_key_size", 8),
            (Q.SIZE_BELOW, "size", "min_key_size", -8),
        )
        for question, member, name, step in beyond:
            try:
                most = self.heard.limit(name)
            except NotAsked as unknown:
                self._leave(str(unknown), question)
                continue
            value = most + step if member == "number" else (most + step) // 8 * 8
            if value > 0:
                self._refusable(question, {member: value})
            else:
                self._leave(NOTHING_BELOW, question)

    def _take(self, question: Question, wanted: Members) -> None:
        target, body = self._enc_keys, msgspec.json.encode(wanted)
        self._replies[question] = self._patiently(self._master, "POST", target, body)

    def _take_by_get(self, question: Question, query: Members) -> None:
        target = target_of(self._subject.slave.sae, "enc_keys", query)
        self._replies[question] = self._patiently(self._master, "GET", target, None)

    def _refusable(self, question: Question, wanted: Members) -> None:
        body = msgspec.json.encode(wanted)
        self._replies[question] = self._master.ask("POST", self._enc_keys, body)

    def _fetch(self, question: Question, key_ids: list[str], *, by_get: bool = False) -> None:
        if self._slave is None or not key_ids:
            self._leave(NO_SLAVE if self._slave is None else NO_KEY, question)
        elif by_get:
            target = target_of(self._subject.master.sae, "dec_keys", {"key_ID": key_ids[0]})
            self._replies[question] = self._patiently(self._slave, "GET", target, None)
        else:
            body = _named(key_ids)
            self._replies[question] = self._patiently(self._slave, "POST", self._dec_keys, body)

    def _patiently(self, asker: Asker, verb: str, target: str, body: bytes | None) -> Reply:
        """Ask again as long as the key manager has nothing just now."""
        end = time.monotonic() + self._subject.patience
        while True:
            reply = asker.ask(verb, target, body)
            pause = USUAL_PAUSE if reply.retry_after is None else min(reply.retry_after, LONGEST_PAUSE)
            if reply.status != 503 or time.monotonic() + pause >= end:
                return reply
            time.sleep(pause)

    def _leave(self, reason: str, *questions: Question) -> None:
        self._reasons.update(dict.fromkeys(questions, reason))


def _limit(heard: Heard, name: str, otherwise: int) -> int:
    try:
        return heard.limit(name)
    except NotAsked:
        return otherwise


def _named(key_ids: list[str]) -> bytes:
    return msgspec.json.encode({"key_IDs": [{"key_ID": each} for each in key_ids]})
