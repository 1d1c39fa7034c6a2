"""What an operator's desk needs of a network, whether its elements run in this process or in others."""

from __future__ import annotations

from typing import Protocol

from keytwin.operation.certification import Certification
from keytwin.operation.settings import UpSettings
from keytwin.runtime.clock import Clock
from keytwin.runtime.identities import Identity
from keytwin.runtime.questions import Answer
from keytwin.service.conversation import Question
from keytwin.service.operator_values import ElementStatus, ProcessStatus, SessionStatus
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import AppId, ElementName, NodeId, SaeId
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.ports import Entropy


class Elements(Protocol):
    """Elements that can be told and asked something."""

    clock: Clock

    def entropy(self, element: ElementName) -> Entropy:
        """Return an element's source of whatever becomes an identifier."""
        ...

    def post(self, to: ElementName, message: Message) -> None:
        """Deliver a message; lost when the element is stopped."""
        ...

    def ask(self, question: Question, answer: Answer) -> None:
        """Ask an element, and have `answer` called with its reply, at most once."""
        ...

    def forget(self, request_id: RequestId) -> None:
        """Give a question up."""
        ...


class Network(Protocol):
    """A network as its operator sees it."""

    settings: UpSettings
    blueprint: Blueprint
    certification: Certification

    @property
    def live(self) -> Elements:
        """Its elements."""
        ...

    def elements(self) -> tuple[ElementStatus, ...]:
        """Tell of each element whether it runs."""
        ...

    def session(self, sae: SaeId, app: AppId) -> SessionStatus | None:
        """Tell of an SAE's standing session for an app."""
        ...

    def is_heard(self, node: NodeId) -> bool:
        """Whether a key manager's process gives signs of life."""
        ...

    def processes(self) -> tuple[ProcessStatus, ...]:
        """Tell of its processes, where it has several."""
        ...

    def denied(self, identity: Identity) -> None:
        """Close what somebody has open whose certificates were revoked."""
        ...

    def renewed(self, identity: Identity) -> None:
        """Let whoever serves or dials under an identity use its new certificate from now on."""
        ...
