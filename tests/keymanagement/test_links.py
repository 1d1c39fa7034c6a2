"""All links of a key manager: each message goes to its own link, and only from its neighbour."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from keytwin.keymanagement.blocks import BlockOverdue
from keytwin.keymanagement.links import LINK_MESSAGES, LinkMessage, Links
from keytwin.keymanagement.watch import ReportDue
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.errors import UnexpectedMessage, Violation
from keytwin.vocabulary.exchange_messages import KeysReceived
from keytwin.vocabulary.identity import NodeId, link_id, twin_of
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import (
    AcceptBlock,
    BlockReceived,
    ConfirmBlock,
    LinkKeyBlock,
    OfferBlock,
    ProbeAnswered,
    ProbeLink,
    RefuseBlock,
    StockReported,
)
from keytwin.vocabulary.machine import Send
from keytwin.vocabulary.units import Bits
from tests.keymanagement.parts import AB, BC, KSID, START, A, B, C, sent, started

FROM_NEIGHBOUR: list[LinkMessage] = [
    OfferBlock(A, AB, 1, 1, 0, 0, 100, 0, 100, b""),
    AcceptBlock(A, AB, 1, 1, 100, 100),
    ConfirmBlock(A, AB, 1, 1),
    RefuseBlock(A, AB, 1, 1, differs=False),
    ProbeLink(A, AB, 1, 0, 0, 1, b""),
    ProbeAnswered(A, AB, 1, 0, 0, 1, b""),
    KeysReceived(A, B, AB, 1, 0),
]


def links(node: NodeId = B) -> Links:
    ends = [link for link in (AB, BC) if node in link.split("--")]
    return Links(node, ends, KeyManagementSettings(store=Bits(80_000)), MonitoringSettings())


def test_a_block_is_acknowledged_to_its_twin() -> None:
    effects = links().receive(LinkKeyBlock(AB, 1, KeyMaterial(bytearray(100)), 0.02), START)
    assert Send(twin_of(AB), BlockReceived(AB, B, 1)) in effects


@pytest.mark.parametrize("message", FROM_NEIGHBOUR, ids=lambda message: type(message).__name__)
def test_a_message_from_elsewhere_than_the_neighbour_is_a_violation(message: LinkMessage) -> None:
    from_elsewhere = replace(message, sender=C)
    with pytest.raises(Violation, match="came from c"):
        links().receive(from_elsewhere, START)


@pytest.mark.parametrize("message", FROM_NEIGHBOUR, ids=lambda message: type(message).__name__)
def test_a_message_of_another_link_epoch_has_no_effect(message: LinkMessage) -> None:
    other_epoch = replace(message, link_epoch=2)
    assert links().receive(other_epoch, START) == []


def test_a_message_about_a_link_that_ends_elsewhere_is_unexpected() -> None:
    with pytest.raises(UnexpectedMessage):
        links(A).receive(BlockOverdue(BC, 1), START)


def test_the_second_node_is_not_answered_to_as_if_it_were_the_first() -> None:
    with pytest.raises(Violation, match="wrong end"):
        links(B).receive(AcceptBlock(A, AB, 1, 1, 100, 100), START)


def test_the_first_node_is_not_offered_to() -> None:
    with pytest.raises(Violation, match="wrong end"):
        links(A).receive(ConfirmBlock(B, AB, 1, 1), START)


def test_every_message_of_a_link_is_taken() -> None:
    assert {type(message) for message in FROM_NEIGHBOUR} <= set(LINK_MESSAGES)


def test_a_store_is_given_in_octets() -> None:
    assert {kmlink.capacity for kmlink in links().kmlinks.values()} == {10_000}


def test_a_stock_that_changed_is_reported_by_its_own_link() -> None:
    reported = links().receive(ReportDue(BC), START)
    assert [report.link for report in sent(reported, StockReported)] == [BC]


def test_every_link_is_tested() -> None:
    assert set(started(links(B).resume(START))) == {f"{AB}/probe", f"{BC}/probe", f"{AB}/lease", f"{BC}/lease"}


def test_parallel_links_are_told_apart() -> None:
    spare = link_id(A, B, "spare")
    both = Links(A, [AB, spare], KeyManagementSettings(), MonitoringSettings())
    both.receive(LinkKeyBlock(spare, 1, KeyMaterial(bytearray(200)), 0.02), START)
    assert [bool(kmlink.ingest.waiting) for kmlink in both.kmlinks.values()] == [False, True]


def test_a_session_is_dropped_on_every_link() -> None:
    links().drop_session(KSID, 1)
