"""The operator's side of the operator face: each question of `service/operator`, and its refusals as errors."""

from __future__ import annotations

from typing import Final, Literal, TypeVar

import msgspec

from keytwin.operation.calls import Answer, Caller, leaf_files
from keytwin.operation.certification import OPERATOR
from keytwin.operation.whereabouts import Whereabouts
from keytwin.service.operator import MOST_EVENTS
from keytwin.service.operator_values import (
    Done,
    Enrolment,
    EventPage,
    Fault,
    Issued,
    NetworkStatus,
    Problem,
    Revoked,
    Trust,
)
from keytwin.vocabulary.errors import Mistake, Refusal

T = TypeVar("T", bound=msgspec.Struct)

OK: Final = 200
MISTAKES: Final = frozenset({400, 413, 414, 415})  # of what the user typed
UNAUTHORISED: Final = 401


class Console:
    """A live network as its operator reaches it. Mistake for what is not in the network, Refusal for not now."""

    def __init__(self, where: Whereabouts) -> None:
        self.where = where
        self._caller = Caller(where.run.operator_url, leaf_files(OPERATOR, where.run.operator))

    def status(self) -> NetworkStatus:
        """Return the network as it stands."""
        return self._get("/v1/status", NetworkStatus)

    def events(self, after: int, limit: int = MOST_EVENTS) -> EventPage:
        """Return the events that follow a number."""
        return self._get(f"/v1/events?after={after}&limit={limit}", EventPage)

    def metrics(self) -> str:
        """Return all metrics in the text format of Prometheus."""
        return self._good(self._caller.ask("GET", "/metrics")).decode()

    def fault(self, link: str, action: Literal["cut", "heal"]) -> Done:
        """Cut or heal the quantum channel of a link."""
        return self._post("/v1/faults", Fault(link, action), Done)

    def attack(self, link: str, error_rate: float) -> Done:
        """Tamper with the light of a link, so that each sifted bit is flipped with that probability."""
        return self._post("/v1/faults", Fault(link, "attack", error_rate), Done)

    def trust(self, node: str, *, trusted: bool) -> Done:
        """Say whether keys may go by way of a node."""
        return self._post("/v1/trust", Trust(node, trusted), Done)

    def issue(self, sae: str, request_pem: str | None = None) -> Issued:
        """Issue a certificate to an SAE."""
        return self._post("/v1/saes", Enrolment(sae, "issue", request_pem), Issued)

    def revoke(self, sae: str) -> Revoked:
        """Deny every certificate of an SAE."""
        return self._post("/v1/saes", Enrolment(sae, "revoke"), Revoked)

    def stop(self) -> Done:
        """Begin to stop the network."""
        return self._read(self._caller.ask("POST", "/v1/stop", b"{}"), Done)

    def _get(self, target: str, kind: type[T]) -> T:
        return self._read(self._caller.ask("GET", target), kind)

    def _post(self, target: str, command: msgspec.Struct, kind: type[T]) -> T:
        return self._read(self._caller.ask("POST", target, msgspec.json.encode(command)), kind)

    def _read(self, answer: Answer, kind: type[T]) -> T:
        return read_answer(self._good(answer), kind, self.where.run.operator_url)

    def _good(self, answer: Answer) -> bytes:
        if answer.status == OK:
            return answer.body
        url = self.where.run.operator_url
        if answer.status == UNAUTHORISED:
            raise Refusal(f"{url} does not take {self.where.run.operator.certificate} for that of its operator")
        message = read_answer(answer.body, Problem, url).message
        raise Mistake(message) if answer.status in MISTAKES else Refusal(message)


def read_answer(body: bytes, kind: type[T], url: str) -> T:
    """Return what a face answered; Refusal when it is not what a face of this version answers."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise Refusal(f"{url} does not answer as this version of keytwin does: {error}") from error
