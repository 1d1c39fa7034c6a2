"""The checks of keys that are delivered, and of status: ETSI GS QKD 014 V1.1.1, clauses 5 and 6.

Each check is a function over what was heard: it gives what is wrong, nothing = passed, and raises NotAsked where the
questions it needs were not put. Where a method is meant, the clause is the table of its answers.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from keytwin.operation.conformance_questions import FETCHES, WISHES, Heard, Q, Question
from keytwin.operation.conformance_reading import UUID, entries_of, message_of, object_of, said, shape_of, whole
from keytwin.operation.conformance_values import Check, Findings, Level, NotAsked

OPTIONAL_UNHANDLED: Final = "not all extension_optional request options handled"
TEXTS: Final = ("source_KME_ID", "target_KME_ID", "master_SAE_ID", "slave_SAE_ID")
NUMBERS: Final = (
    *("key_size", "stored_key_count", "max_key_count", "max_key_per_request"),
    *("max_key_size", "min_key_size", "max_SAE_ID_count"),
)
CONTAINERS: Final = (*WISHES, *FETCHES, Q.AFTER_OTHER, Q.AFTER_MIXED)


# --- status -----------------------------------------------------------------------------------------------------------


def _status_is_told(heard: Heard) -> Findings:
    reply = heard[Q.STATUS]
    if reply.status != 200:
        yield f"{Q.STATUS}: {reply.told}, should be 200"
    elif object_of(reply) is None:
        yield f"{Q.STATUS}: the body is no JSON object"


def _status_has_its_members(heard: Heard) -> Findings:
    told = heard.status
    for name in (*TEXTS, *NUMBERS):
        if name not in told:
            yield f"status has no {name}"
        elif name in TEXTS and not isinstance(told[name], str):
            yield f"{name} of status is no string"
        elif name in NUMBERS and whole(told[name]) is None:
            yield f"{name} of status is no integer"
    if not isinstance(told.get("status_extension", {}), dict):
        yield "status_extension is no object"


def _status_names_both_saes(heard: Heard) -> Findings:
    for name, sae in (("master_SAE_ID", heard.master), ("slave_SAE_ID", heard.slave)):
        if heard.status.get(name) != sae:
            yield f"{name} of status is not {sae!r}"


def _status_numbers_fit(heard: Heard) -> Findings:
    for least, most in (
        ("stored_key_count", "max_key_count"),
        ("min_key_size", "key_size"),
        ("key_size", "max_key_size"),
    ):
        if heard.limit(least) > heard.limit(most):
            yield f"{least} {heard.limit(least)} is above {most} {heard.limit(most)}"
    for name in NUMBERS:
        if heard.limit(name) < (name in {"key_size", "max_key_per_request", "min_key_size"}):
            yield f"{name} is {heard.limit(name)}"


# --- keys for the master ----------------------------------------------------------------------------------------------


def _get_brings_a_key(heard: Heard) -> Findings:
    yield from _brings(heard, Q.GET_ONE)


def _post_brings_a_key(heard: Heard) -> Findings:
    yield from _brings(heard, Q.POST_EMPTY)


def _number_is_honoured(heard: Heard) -> Findings:
    for question in heard.among((Q.GET_TWO, Q.POST_TWO)):
        yield from _brings_or_refuses(heard, question)


def _size_is_honoured(heard: Heard) -> Findings:
    for question in heard.among((Q.GET_SIZE, Q.POST_SIZE)):
        yield from _brings_or_refuses(heard, question)


def _get_and_post_are_alike(heard: Heard) -> Findings:
    for get, post in ((Q.GET_ONE, Q.POST_EMPTY), (Q.GET_TWO, Q.POST_TWO), (Q.GET_SIZE, Q.POST_SIZE)):
        if get not in heard.replies or post not in heard.replies:
            continue
        codes = [heard[each].told for each in (get, post)]
        numbers = [len(heard.keys(each)) for each in (get, post)]
        if len(set(codes)) > 1:
            yield f"{get}: {codes[0]}, and {post}: {codes[1]}"
        elif len(set(numbers)) > 1:
            yield f"{get}: keys came {numbers[0]}, and {post}: {numbers[1]}"


def _optional_extensions_are_passed_over(heard: Heard) -> Findings:
    reply = heard[Q.OPTIONAL]
    if reply.status != 200 and not (reply.status == 400 and message_of(reply) == OPTIONAL_UNHANDLED):
        yield f"{Q.OPTIONAL}: {reply.told}, should be 200, or 400 with the words {OPTIONAL_UNHANDLED!r}"


def _containers_have_their_form(heard: Heard) -> Findings:
    for question in _containers(heard):
        yield from (f"{question}: the answer {wrong}" for wrong in shape_of(heard[question]))


def _containers_spell_keys_small(heard: Heard) -> Findings:
    for question in _containers(heard):
        reply = heard[question]
        if entries_of(reply) is not None and "keys" not in (object_of(reply) or {}):
            yield f"{question}: the array is called 'Keys', as Table 11 prints it, and clients read 'keys'"


def _key_ids_are_uuids(heard: Heard) -> Findings:
    for question in _containers(heard):
        if not all(UUID.fullmatch(key.key_id) for key in heard.keys(question)):
            yield f"{question}: a key_ID is no UUID"


def _keys_are_base64(heard: Heard) -> Findings:
    for question in _containers(heard):
        if any(key.octets is None for key in heard.keys(question)):
            yield f"{question}: a key is no padded base64 of the standard alphabet"


def _keys_have_the_size_asked(heard: Heard) -> Findings:
    usual = heard.limit("key_size")
    for question in _taken(heard):
        sizes = {len(octets) * 8 for octets in _read(heard, [question])}
        wanted = heard.other_size if question in {Q.GET_SIZE, Q.POST_SIZE} else usual
        if sizes - {wanted}:
            yield f"{question}: a key of {max(sizes - {wanted})} bits, should be {wanted}"


def _key_ids_are_unique(heard: Heard) -> Findings:
    ids = list(chain.from_iterable(heard.ids(question) for question in _taken(heard)))
    if len(set(map(str.lower, ids))) != len(ids):
        yield f"{len(ids)} keys came under {len(set(map(str.lower, ids)))} key_IDs"


def _keys_are_distinct(heard: Heard) -> Findings:
    keys = _read(heard, _taken(heard))
    if len(set(keys)) != len(keys):
        yield f"of {len(keys)} keys only {len(set(keys))} are different"


# --- keys for the slave -----------------------------------------------------------------------------------------------


def _get_fetches_the_same_key(heard: Heard) -> Findings:
    for question in heard.among((Q.FETCH_GET, Q.FETCH_SIZE)):
        yield from _same(heard, FETCHES[question], question)


def _post_fetches_the_same_keys(heard: Heard) -> Findings:
    for question in heard.among((Q.FETCH_POST, Q.FETCH_TWO, Q.FETCH_POST_SIZE)):
        yield from _same(heard, FETCHES[question], question)


def _a_refused_sae_takes_nothing(heard: Heard) -> Findings:
    heard[Q.BY_OTHER]
    yield from _same(heard, Q.POST_EMPTY, Q.AFTER_OTHER)


def _a_refused_list_takes_nothing(heard: Heard) -> Findings:
    yield from _same(heard, Q.OPTIONAL, Q.AFTER_MIXED)


# --- what they have in common -----------------------------------------------------------------------------------------


def _taken(heard: Heard) -> list[Question]:
    """Return the questions that brought the master keys; NotAsked when none did."""
    found = [question for question in WISHES if heard.keys(question)]
    if not found:
        raise NotAsked("no key was given to the master")
    return found


def _containers(heard: Heard) -> list[Question]:
    found = [question for question, reply in heard.among(CONTAINERS).items() if reply.status == 200]
    if not found:
        raise NotAsked("no key was given to anybody")
    return found


def _read(heard: Heard, questions: list[Question]) -> list[bytes]:
    """Return the keys that came; NotAsked when one is unreadable, so that nothing is passed by what nobody sees."""
    keys = [key.octets for question in questions for key in heard.keys(question)]
    readable = [octets for octets in keys if octets is not None]
    if len(readable) < len(keys):
        raise NotAsked("a key cannot be read")
    return readable


def _brings(heard: Heard, question: Question) -> Findings:
    reply, number = heard[question], WISHES[question]
    if reply.status != 200:
        yield f"{question}: {reply.told}{said(message_of(reply))}, should be 200"
    elif len(heard.keys(question)) != number:
        yield f"{question}: keys came {len(heard.keys(question))}, should be {number}"


def _brings_or_refuses(heard: Heard, question: Question) -> Findings:
    """What status allows should be given; a key manager may still say, in words, that it does not."""
    reply = heard[question]
    if reply.status != 400 or message_of(reply) is None:
        yield from _brings(heard, question)


def _same(heard: Heard, brought: Question, question: Question) -> Findings:
    reply = heard[question]
    got = {key.key_id.lower(): key.octets for key in heard.keys(brought)}
    fetched = {key.key_id.lower(): key.octets for key in heard.keys(question)}
    if reply.status != 200:
        yield f"{question}: {reply.told}{said(message_of(reply))}, should be 200"
    elif fetched.keys() != got.keys():
        yield f"{question}: other key_IDs than were asked for"
    elif None in fetched.values() or None in got.values():
        yield f"{question}: a key that cannot be read"
    elif fetched != got:
        yield f"{question}: another key than the master has under this key_ID"


DELIVERIES: Final = (
    Check("Table 4", Level.MUST, "status is told to the master", _status_is_told),
    Check("6.1, Table 9", Level.MUST, "status has all its members, each of its type", _status_has_its_members),
    Check(
        "6.1, Table 9",
        Level.MUST,
        "status names the caller as master, and the SAE of the path as slave",
        _status_names_both_saes,
    ),
    Check("6.1, Table 9", Level.MUST, "the numbers of status fit one another", _status_numbers_fit),
    Check("Table 6", Level.MUST, "GET enc_keys brings one key", _get_brings_a_key),
    Check("Table 6", Level.MUST, "POST enc_keys with an empty object brings one key", _post_brings_a_key),
    Check(
        "6.2, Table 10",
        Level.MUST,
        "number is honoured by GET and POST alike, or refused in words",
        _number_is_honoured,
    ),
    Check("Table 2", Level.MUST, "GET and POST of one request are answered alike", _get_and_post_are_alike),
    Check(
        "6.2, Table 10", Level.MUST, "size is honoured by GET and POST alike, or refused in words", _size_is_honoured
    ),
    Check(
        "6.2, Table 10",
        Level.MUST,
        "an unknown extension_optional is passed over",
        _optional_extensions_are_passed_over,
    ),
    Check("6.3, Table 11", Level.MUST, "a key container has its form", _containers_have_their_form),
    Check(
        "6.3, Table 11",
        Level.SHOULD,
        "the array of a key container is called keys, as in the examples",
        _containers_spell_keys_small,
    ),
    Check("6.3, Table 11", Level.MUST, "each key_ID is a UUID", _key_ids_are_uuids),
    Check("6.3, Table 11", Level.MUST, "each key is base64 (RFC 4648)", _keys_are_base64),
    Check("6.3, Table 11", Level.MUST, "each key has the size asked for, or key_size", _keys_have_the_size_asked),
    Check("6.3, Table 11", Level.MUST, "no key_ID comes twice", _key_ids_are_unique),
    Check("6.3, Table 11", Level.MUST, "no key comes twice", _keys_are_distinct),
    Check("Table 8", Level.MUST, "GET dec_keys brings the slave the master's key", _get_fetches_the_same_key),
    Check("Table 8", Level.MUST, "POST dec_keys brings the slave the master's keys", _post_fetches_the_same_keys),
    Check("Table 8", Level.MUST, "what another SAE was refused stays its slave's", _a_refused_sae_takes_nothing),
    Check(
        "Table 8",
        Level.SHOULD,
        "a list of key_IDs that is refused consumes none of them",
        _a_refused_list_takes_nothing,
    ),
)
