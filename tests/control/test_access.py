"""Who may open what: paper B, 3.1 and 3.2. The SAE hears only "not allowed"; the operator hears why."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from keytwin.control.access import Access
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import SessionRejected
from keytwin.vocabulary.identity import AppId, ElementName, NodeId, SaeId, UserId
from keytwin.vocabulary.machine import Publish, Send
from keytwin.vocabulary.session_messages import AuthenticateUser, Reason, SessionAccepted, UserAccepted, UserRefused
from keytwin.vocabulary.units import START
from tests.control.plane import ALICE, APPS, BOB

KM: Final = ElementName("km/km0")
ASKED: Final = AuthenticateUser("km0/1", NodeId("km0"), KM, AppId("app01"), SaeId("app01-a"), SaeId("app01-b"))


def fresh() -> Access:
    access = Access((ALICE, BOB), APPS)
    assert access.restore([], START) == []
    return access


def test_the_app_s_own_sae_at_its_own_node_is_accepted_on_behalf_of_the_app_s_owner() -> None:
    assert fresh().receive(ASKED, START) == [Send(KM, UserAccepted("km0/1", ALICE.id))]


def test_the_other_end_is_accepted_at_the_other_node() -> None:
    asked = replace(ASKED, node=NodeId("km1"), sae=ASKED.peer, peer=ASKED.sae)
    assert fresh().receive(asked, START) == [Send(KM, UserAccepted("km0/1", ALICE.id))]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (replace(ASKED, app=AppId("app99")), "there is no app app99"),
        (replace(ASKED, sae=SaeId("mallory")), "mallory is no SAE of app01"),
        (replace(ASKED, sae=SaeId("app23-a")), "app23-a is no SAE of app01"),
        (replace(ASKED, node=NodeId("km3")), "app01-a belongs to km0 and was seen at km3"),
        (replace(ASKED, peer=SaeId("app23-b")), "app23-b is not the other SAE of app01"),
        (replace(ASKED, peer=ASKED.sae), "app01-a is not the other SAE of app01"),
    ],
)
def test_everybody_else_is_refused_and_only_the_operator_hears_why(asked: AuthenticateUser, why: str) -> None:
    rejected = Publish(SessionRejected(asked.app, asked.sae, "not allowed", why))
    refused = Send(KM, UserRefused("km0/1", Reason.NOT_ALLOWED))
    assert fresh().receive(asked, START) == [rejected, refused]


def test_an_app_of_a_user_who_is_gone_is_refused() -> None:
    effects = Access((BOB,), APPS).receive(ASKED, START)
    assert Send(KM, UserRefused("km0/1", Reason.NOT_ALLOWED)) in effects


def test_the_user_comes_from_the_profiles_and_never_from_the_request() -> None:
    access = Access((ALICE, BOB), (replace(APPS[0], user=BOB.id),))
    assert access.receive(ASKED, START) == [Send(KM, UserAccepted("km0/1", UserId("bob")))]


def test_a_repeated_question_gets_the_same_answer() -> None:
    access = fresh()
    assert access.receive(ASKED, START) == access.receive(ASKED, START)


def test_access_takes_nothing_else() -> None:
    with pytest.raises(UnexpectedMessage):
        fresh().receive(SessionAccepted("km0/1", "x"), START)  # type: ignore[arg-type]  # any Ksid will do
