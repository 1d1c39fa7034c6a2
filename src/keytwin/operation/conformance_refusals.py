"""The checks of what a key manager is to refuse, and how: ETSI GS QKD 014 V1.1.1, Tables 2, 4, 6, 8 and 13.

Functions as in `conformance_checks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from keytwin.operation.conformance_calls import Reply
from keytwin.operation.conformance_questions import HARMLESS, OF_THE_MASTER, WRONG, Heard, Q, Question
from keytwin.operation.conformance_reading import message_of, object_of, said, whole
from keytwin.operation.conformance_values import Check, Findings, Level, NotAsked
from keytwin.service.etsi014_errors import KEYS_NOT_FOUND, MANDATORY_UNKNOWN, NOT_MULTIPLE_OF_8
from keytwin.service.http import JSON


def _a_key_is_fetched_once(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.AGAIN)


def _an_unknown_key_is_not_found(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.UNKNOWN_ID)


def _a_list_is_fetched_as_a_whole(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.MIXED)


def _key_ids_are_read_strictly(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.MALFORMED_ID, Q.NO_IDS)


def _another_sae_gets_no_key(heard: Heard) -> Findings:
    reply = heard[Q.BY_OTHER]
    if not _is_refused(reply) and not reply.is_refused_in_tls:
        yield f"{Q.BY_OTHER}: {reply.told}, should be 401"


def _another_sae_is_unauthorised(heard: Heard) -> Findings:
    reply = heard[Q.BY_OTHER]
    if not reply.is_refused_in_tls and (reply.status != HTTPStatus.UNAUTHORIZED or reply.body):
        yield f"{Q.BY_OTHER}: {reply.told}{' with a body' if reply.body else ''}, should be 401 without a body"


def _an_odd_size_is_refused_or_served(heard: Heard) -> Findings:
    reply = heard[Q.ODD_SIZE]
    if reply.status != 200:
        yield from _bad_request(heard, Q.ODD_SIZE)
        return
    octets = heard.limit("key_size") // 8 + 1
    if [len(key.octets or b"") for key in heard.keys(Q.ODD_SIZE)] != [octets]:
        yield f"{Q.ODD_SIZE}: 200, and not one key in {octets} octets: refuse it with 400 or serve it"


def _number_zero_is_refused(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.NUMBER_ZERO)


def _number_is_an_integer(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.NUMBER_TEXT)


def _number_has_its_limit(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.NUMBER_ABOVE)


def _size_has_its_upper_limit(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.SIZE_ABOVE)


def _size_has_its_lower_limit(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.SIZE_BELOW)


def _unknown_slaves_are_refused(heard: Heard) -> Findings:
    yield from _client_error(heard, Q.UNKNOWN_SLAVES)


def _mandatory_extensions_are_known_or_refused(heard: Heard) -> Findings:
    yield from _bad_request(heard, Q.MANDATORY)


def _the_words_are_those_of_the_standard(heard: Heard) -> Findings:
    words = {
        Q.ODD_SIZE: NOT_MULTIPLE_OF_8,
        Q.MANDATORY: MANDATORY_UNKNOWN,
        Q.UNKNOWN_ID: KEYS_NOT_FOUND,
        Q.AGAIN: KEYS_NOT_FOUND,
        Q.MIXED: KEYS_NOT_FOUND,
    }
    for question, reply in heard.among(words).items():
        if reply.status == HTTPStatus.BAD_REQUEST and message_of(reply) != words[question]:
            yield f"{question}:{said(message_of(reply)) or ' no message'}, should be {words[question]!r}"


def _a_body_is_json(heard: Heard) -> Findings:
    yield from _client_error(heard, Q.NO_JSON)


def _other_verbs_and_paths_are_refused(heard: Heard) -> Findings:
    yield from _client_error(heard, Q.WRONG_VERB, Q.WRONG_STATUS_VERB, Q.WRONG_PATH)


def _an_unknown_slave_is_refused(heard: Heard) -> Findings:
    yield from _client_error(heard, Q.UNKNOWN_SLAVE)


def _a_mistake_is_never_the_servers(heard: Heard) -> Findings:
    for question, reply in heard.among(WRONG).items():
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            yield f"{question}: {reply.told}, a mistake of the caller's is 4xx"


def _codes_are_those_of_the_standard(heard: Heard) -> Findings:
    for question, reply in heard.among(HARMLESS).items():
        if reply.status not in {200, 400, 401, 503}:
            yield f"{question}: {reply.told}, the standard has 200, 400, 401 and 503"


def _answers_are_json(heard: Heard) -> Findings:
    for question, reply in _all(heard):
        kind, *_ = (part.strip().lower() for part in reply.content_type.split(";"))
        if reply.status in {200, 400, 503} and kind != JSON:
            yield f"{question}: {reply.status} with Content-Type {reply.content_type[:40]!r}, should be {JSON}"


def _refusals_say_why(heard: Heard) -> Findings:
    for question, reply in _all(heard):
        if reply.status in {400, 503} and message_of(reply) is None:
            yield f"{question}: {reply.status} without a message"
        elif reply.status in {400, 503}:
            details = (object_of(reply) or {}).get("details", [])
            if not isinstance(details, list) or not all(isinstance(each, dict) for each in details):
                yield f"{question}: details is no array of objects"


def _unauthorised_has_no_body(heard: Heard) -> Findings:
    found = [(question, reply) for question, reply in _all(heard) if reply.status == HTTPStatus.UNAUTHORIZED]
    if not found:
        raise NotAsked("nothing was answered with 401")
    for question, reply in found:
        if reply.body:
            yield f"{question}: 401 with a body"


def _refusals_consume_nothing(heard: Heard) -> Findings:
    before, after = (_stored(heard, question) for question in (Q.STATUS_BEFORE, Q.STATUS_AFTER))
    given = sum(len(heard.keys(question)) for question in OF_THE_MASTER)
    if after < before - given:
        yield f"stored_key_count fell from {before} to {after}, and {given} keys were given: who else drew on them?"


def _nobody_is_served_without_a_certificate(heard: Heard) -> Findings:
    reply = _without_certificate(heard)
    if reply.status and not _is_refused(reply):
        yield f"{Q.NO_CERTIFICATE}: {reply.told}, should be no connection"


def _nobody_is_let_in_without_a_certificate(heard: Heard) -> Findings:
    reply = _without_certificate(heard)
    if not reply.is_refused_in_tls:
        yield f"{Q.NO_CERTIFICATE}: {reply.told}, should be refused in the handshake"


def _without_certificate(heard: Heard) -> Reply:
    """Return what nobody was told; NotAsked where the key manager was not there to refuse it."""
    reply = heard[Q.NO_CERTIFICATE]
    if not reply.status and not reply.is_refused_in_tls:
        raise NotAsked(reply.told)
    return reply


def _is_refused(reply: Reply) -> bool:
    return HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _bad_request(heard: Heard, *questions: Question) -> Findings:
    for question, reply in heard.among(questions).items():
        if reply.status != HTTPStatus.BAD_REQUEST:
            yield f"{question}: {reply.told}, should be 400"


def _client_error(heard: Heard, *questions: Question) -> Findings:
    """The standard names no code; any of 4xx says whose mistake it is."""
    for question, reply in heard.among(questions).items():
        if not _is_refused(reply):
            yield f"{question}: {reply.told}, should be 4xx"


def _all(heard: Heard) -> Iterator[tuple[Question, Reply]]:
    """Give what an SAE that was let in was answered on the paths of the standard."""
    outside = {Q.NO_CERTIFICATE, Q.WRONG_VERB, Q.WRONG_STATUS_VERB, Q.WRONG_PATH}
    return ((question, reply) for question, reply in heard.replies.items() if question not in outside)


def _stored(heard: Heard, question: Question) -> int:
    count = whole((object_of(heard[question]) or {}).get("stored_key_count"))
    if count is None:
        raise NotAsked("status tells no stored_key_count")
    return count


REFUSALS: Final = (
    Check("Table 8", Level.MUST, "a key is fetched once", _a_key_is_fetched_once),
    Check("Table 8", Level.MUST, "an unknown key_ID is refused with 400", _an_unknown_key_is_not_found),
    Check("Table 8", Level.MUST, "a list with an unknown key_ID is refused with 400", _a_list_is_fetched_as_a_whole),
    Check(
        "6.4, Table 12",
        Level.MUST,
        "key_IDs that are none, or no UUIDs, are refused with 400",
        _key_ids_are_read_strictly,
    ),
    Check("Table 8", Level.MUST, "a key is refused to an SAE that it was not asked for", _another_sae_gets_no_key),
    Check("Table 8", Level.SHOULD, "such an SAE is told 401", _another_sae_is_unauthorised),
    Check(
        "Table 6",
        Level.MUST,
        "a size that is no multiple of 8 is refused with 400, or served",
        _an_odd_size_is_refused_or_served,
    ),
    Check("6.2, Table 10", Level.MUST, "number 0 is refused with 400", _number_zero_is_refused),
    Check("6.2, Table 10", Level.MUST, "a number that is text is refused with 400", _number_is_an_integer),
    Check("6.1, Table 9", Level.MUST, "a number above max_key_per_request is refused with 400", _number_has_its_limit),
    Check("6.1, Table 9", Level.MUST, "a size above max_key_size is refused with 400", _size_has_its_upper_limit),
    Check("6.1, Table 9", Level.MUST, "a size below min_key_size is refused with 400", _size_has_its_lower_limit),
    Check("6.2, Table 10", Level.MUST, "unknown additional_slave_SAE_IDs are refused", _unknown_slaves_are_refused),
    Check(
        "Table 6",
        Level.MUST,
        "an unknown extension_mandatory is refused with 400",
        _mandatory_extensions_are_known_or_refused,
    ),
    Check(
        "6.5, Table 13", Level.SHOULD, "refusals use the words of the standard", _the_words_are_those_of_the_standard
    ),
    Check("6.2, Table 10", Level.MUST, "a body that is no JSON is refused", _a_body_is_json),
    Check("Table 2", Level.MUST, "other verbs and paths are refused with 4xx", _other_verbs_and_paths_are_refused),
    Check("Table 2", Level.MUST, "keys with an unknown SAE are refused with 4xx", _an_unknown_slave_is_refused),
    Check(
        "Tables 4, 6, 8", Level.MUST, "no mistake of the caller's is answered with 5xx", _a_mistake_is_never_the_servers
    ),
    Check(
        "Tables 4, 6, 8",
        Level.MUST,
        "what is right is answered with a code of the standard",
        _codes_are_those_of_the_standard,
    ),
    Check("5.1", Level.MUST, "answers are application/json", _answers_are_json),
    Check("6.5, Table 13", Level.MUST, "400 and 503 come with a message", _refusals_say_why),
    Check("Tables 4, 6, 8", Level.SHOULD, "401 comes without a body", _unauthorised_has_no_body),
    Check(
        "6.1, Table 9",
        Level.SHOULD,
        "what is refused to the master leaves the stock as it was",
        _refusals_consume_nothing,
    ),
    Check("5.1", Level.MUST, "nobody is served without a client certificate", _nobody_is_served_without_a_certificate),
    Check(
        "5.1",
        Level.SHOULD,
        "without a client certificate there is no connection",
        _nobody_is_let_in_without_a_certificate,
    ),
)
