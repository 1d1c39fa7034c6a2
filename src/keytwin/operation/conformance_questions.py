"""What is asked of a foreign key manager in an examination, and what was heard: values, without a connection.

Each question is put at most once, but for those that are answered with 503. One that cannot be put has a reason instead
of a reply, so that no check is passed by silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from keytwin.operation.conformance_calls import Reply
from keytwin.operation.conformance_reading import Given, JsonObject, keys_of, object_of, whole
from keytwin.operation.conformance_values import NotAsked


class Question(StrEnum):
    """Every question, as a finding names it."""

    STATUS = "GET status"
    GET_ONE = "GET enc_keys"
    POST_EMPTY = "POST enc_keys {}"
    GET_TWO = "GET enc_keys?number=2"
    POST_TWO = "POST enc_keys with number 2"
    GET_SIZE = "GET enc_keys with a size"
    POST_SIZE = "POST enc_keys with a size"
    OPTIONAL = "POST enc_keys with an unknown extension_optional"

    BY_OTHER = "dec_keys by the master, for the slave's key"
    AFTER_OTHER = "dec_keys by the slave, after another SAE was refused"
    MIXED = "POST dec_keys with a key and an unknown key_ID"
    AFTER_MIXED = "POST dec_keys for that key alone"
    FETCH_GET = "GET dec_keys?key_ID="
    FETCH_POST = "POST dec_keys with two key_IDs"
    FETCH_TWO = "POST dec_keys for the keys of a GET"
    FETCH_SIZE = "GET dec_keys for a key of another size"
    FETCH_POST_SIZE = "POST dec_keys for a key of another size"
    AGAIN = "dec_keys for a key that was fetched"
    UNKNOWN_ID = "POST dec_keys with an unknown key_ID"
    MALFORMED_ID = "POST dec_keys with a key_ID that is no UUID"
    NO_IDS = "POST dec_keys {}"

    STATUS_BEFORE = "GET status before what is to be refused"
    ODD_SIZE = "enc_keys with a size that is no multiple of 8"
    NUMBER_ZERO = "enc_keys with number 0"
    NUMBER_ABOVE = "enc_keys with number above max_key_per_request"
    NUMBER_TEXT = "enc_keys with a number that is text"
    SIZE_ABOVE = "enc_keys with size above max_key_size"
    SIZE_BELOW = "enc_keys with size below min_key_size"
    UNKNOWN_SLAVES = "enc_keys with an unknown additional_slave_SAE_IDs"
    MANDATORY = "enc_keys with an unknown extension_mandatory"
    NO_JSON = "POST enc_keys with a body that is no JSON"
    WRONG_VERB = "DELETE enc_keys"
    WRONG_STATUS_VERB = "POST status"
    WRONG_PATH = "GET enc_keys with v1 written v0"
    UNKNOWN_SLAVE = "enc_keys for an SAE that nobody knows"
    STATUS_AFTER = "GET status after what was to be refused"

    NO_CERTIFICATE = "GET status without a client certificate"


Q: Final = Question

SIZES: Final = (128, 512, 64, 192, 384, 1024, 2048)  # bits, tried in this order as another size than the usual one

WISHES: Final = MappingProxyType(
    {Q.GET_ONE: 1, Q.POST_EMPTY: 1, Q.GET_TWO: 2, Q.POST_TWO: 2, Q.GET_SIZE: 1, Q.POST_SIZE: 1, Q.OPTIONAL: 1}
)
"""The questions that ask for keys as they should, and how many."""

MOST_KEYS: Final = sum(WISHES.values()) + 1  # and one where a size that is no multiple of 8 is served, as it may be

FETCHES: Final = MappingProxyType(
    {
        Q.FETCH_GET: Q.GET_ONE,
        Q.FETCH_POST: Q.POST_TWO,
        Q.FETCH_TWO: Q.GET_TWO,
        Q.FETCH_SIZE: Q.GET_SIZE,
        Q.FETCH_POST_SIZE: Q.POST_SIZE,
    }
)
"""The questions by which the slave fetches keys, and the question that brought them to the master."""

HARMLESS: Final = (Q.STATUS, Q.STATUS_BEFORE, Q.STATUS_AFTER, *WISHES, *FETCHES, Q.AFTER_OTHER, Q.AFTER_MIXED)
"""The questions in which nothing is wrong."""

WRONG: Final = tuple(each for each in Q if each not in HARMLESS and each is not Q.NO_CERTIFICATE)
"""The questions in which something is wrong, by somebody whose certificate is good."""

OF_THE_MASTER: Final = tuple(each for each in WRONG if list(Q).index(each) > list(Q).index(Q.STATUS_BEFORE))
"""Those among them that are asked between the two looks at the stock."""


@dataclass(frozen=True, slots=True)
class Heard:
    """All that was heard from a key manager, and why the rest was not asked."""

    master: str
    slave: str
    replies: Mapping[Question, Reply]
    reasons: Mapping[Question, str]

    def __getitem__(self, question: Question) -> Reply:
        if question not in self.replies:
            raise NotAsked(self.reasons.get(question, "not asked"))
        return self.replies[question]

    def among(self, questions: Mapping[Question, object] | tuple[Question, ...]) -> dict[Question, Reply]:
        """Return the replies to those of some questions that were put; NotAsked when none was."""
        found = {each: self.replies[each] for each in questions if each in self.replies}
        if not found:
            raise NotAsked(self.reasons.get(next(iter(questions)), "not asked"))
        return found

    @property
    def status(self) -> JsonObject:
        """The members of Status; NotAsked when it told none."""
        found = object_of(self[Q.STATUS])
        if self[Q.STATUS].status != 200 or found is None:
            raise NotAsked("status was not told")
        return found

    def limit(self, name: str) -> int:
        """Return a number of Status; NotAsked when it has none."""
        value = whole(self.status.get(name))
        if value is None:
            raise NotAsked(f"status has no {name}")
        return value

    @property
    def other_size(self) -> int:
        """A size within what status allows, and another than the usual one; NotAsked when there is none."""
        least, usual, most = (self.limit(name) for name in ("min_key_size", "key_size", "max_key_size"))
        for size in SIZES:
            if least <= size <= most and size != usual:
                return size
        raise NotAsked("status allows no other size")

    def keys(self, question: Question) -> tuple[Given, ...]:
        """Return the keys that the answer to a question held; none where it was not asked."""
        return keys_of(self.replies[question]) if question in self.replies else ()

    def ids(self, question: Question) -> list[str]:
        """Return their identifiers."""
        return [key.key_id for key in self.keys(question) if key.key_id]

    @property
    def used(self) -> int:
        """How many keys the master was handed, wherever."""
        return sum(len(self.keys(each)) for each in (*WISHES, *OF_THE_MASTER))
