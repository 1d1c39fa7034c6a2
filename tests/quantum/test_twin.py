"""The link twin: equal blocks at both ends, never the same number twice, told and repeated until acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import TypeVar

import pytest

from keytwin.quantum.empirical import Empirical
from keytwin.quantum.twin import (
    LONGEST_PAUSE,
    MOST_UNRECEIVED,
    NUMBERS_AHEAD,
    REPEAT_AFTER,
    SMALLEST_BLOCK,
    TWIN_TABLE,
    BlockDue,
    BlockNumbered,
    LightDue,
    Phase,
    RepeatDue,
    Twin,
    TwinSetup,
)
from keytwin.runtime.entropy import SeededChance
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import BlockDistilled
from keytwin.vocabulary.identity import CONTROLLER, MONITORING, DeviceId, NodeId, km_of, link_id, twin_of
from keytwin.vocabulary.link_messages import BlockReceived, LinkKeyBlock, LinkMeasured
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.operator_messages import AttackQuantumChannel, CutQuantumChannel, HealQuantumChannel
from keytwin.vocabulary.topology_messages import (
    LinkRegistered,
    LinkStatus,
    LinkStatusNoted,
    RegisterLink,
    ReportLinkStatus,
)
from keytwin.vocabulary.units import START, seconds
from tests.machines import Input, assert_replayable, assert_restorable, assert_table_is_total

A, B = NodeId("a"), NodeId("b")
LINK = link_id(A, B)
NAME = twin_of(LINK)
BLOCK = 80_000  # bits, every two seconds
CUT, HEAL = CutQuantumChannel(LINK), HealQuantumChannel(LINK)
ATTACK = AttackQuantumChannel(LINK, 0.2)
DUE, REPEAT = BlockDue(LINK), RepeatDue(LINK)

M = TypeVar("M", bound=Message)


def fresh(block: float = BLOCK, deviation: float = 0.0, seed: int = 1) -> Twin:
    chance = SeededChance(seed)
    model = Empirical(block, deviation, 0.02, seconds(2))
    return Twin(TwinSetup(LINK, DeviceId("box")), model, chance.entropy(NAME), chance.generator(NAME))


def started(block: float = BLOCK) -> Twin:
    """Return a twin that the controller has registered."""
    twin = fresh(block)
    twin.restore([], START)
    tell(twin, LinkRegistered(LINK))
    return twin


def tell(twin: Twin, *messages: Message) -> list[Effect]:
    """Tell messages one after the other; return the effects of the last one."""
    effects: list[Effect] = []
    for message in messages:
        effects = twin.receive(message, START)
    return effects


def sent(effects: Iterable[Effect], kind: type[M]) -> list[M]:
    return [each.message for each in effects if isinstance(each, Send) and isinstance(each.message, kind)]


def saved(effects: Iterable[Effect]) -> list[Record]:
    return [each.record for each in effects if isinstance(each, Save)]


def received(node: NodeId, number: int, *, has_room: bool = True) -> BlockReceived:
    return BlockReceived(LINK, node, number, has_room=has_room)


def content(block: LinkKeyBlock) -> bytes:
    with block.material.exposed() as octets:
        return bytes(octets)


def test_every_message_is_answered_or_ignored_in_every_phase() -> None:
    messages: list[type[Message]] = [
        BlockDue,
        LightDue,
        RepeatDue,
        BlockReceived,
        LinkRegistered,
        LinkStatusNoted,
        AttackQuantumChannel,
        CutQuantumChannel,
        HealQuantumChannel,
    ]
    assert_table_is_total(TWIN_TABLE, messages, Twin)
    with pytest.raises(UnexpectedMessage):
        tell(started(), LinkMeasured(LINK, 1, 0, 0.0))  # type: ignore[arg-type]  # of no twin's business


# --- blocks ---------------------------------------------------------------------------------------------------------


def test_a_block_is_the_same_at_both_ends_in_copies_that_are_wiped_apart() -> None:
    effects = tell(started(), DUE)
    one, other = sent(effects, LinkKeyBlock)
    assert [each.to for each in effects if isinstance(each, Send) and each.message in (one, other)] == [
        km_of(A),
        km_of(B),
    ]
    assert len(content(one)) == BLOCK // 8
    assert content(one) == content(other)
    before = content(other)
    one.material.wipe()
    assert content(other) == before


def test_blocks_differ_from_one_another() -> None:
    twin = started()
    blocks = [content(sent(tell(twin, DUE), LinkKeyBlock)[0])]
    for number in (1, 2, 3):
        tell(twin, received(A, number), received(B, number))
        blocks.append(content(sent(tell(twin, DUE), LinkKeyBlock)[0]))
    assert len(set(blocks)) == 4


def test_rate_and_error_rate_of_each_block_are_measured_and_published() -> None:
    effects = tell(started(), DUE)
    assert sent(effects, LinkMeasured) == [LinkMeasured(LINK, 1, BLOCK // 2, 0.02)]  # type: ignore[arg-type]
    assert [each.to for each in effects if isinstance(each, Send) and isinstance(each.message, LinkMeasured)] == [
        MONITORING
    ]
    (event,) = [each.event for each in effects if isinstance(each, Publish)]
    assert isinstance(event, BlockDistilled)
    assert (event.number, event.size, event.taken) == (1, BLOCK, seconds(2))


def test_the_next_block_begins_when_one_is_complete() -> None:
    timers = [effect for effect in tell(started(), DUE) if isinstance(effect, StartTimer)]
    assert [(timer.name, timer.after) for timer in timers if timer.message == DUE] == [(f"{LINK}/block", seconds(2))]


@pytest.mark.parametrize("block", [0, SMALLEST_BLOCK - 8])
def test_a_block_that_is_too_small_is_measured_as_none_and_not_handed_over(block: int) -> None:
    effects = tell(started(block), DUE)
    assert sent(effects, LinkKeyBlock) == []
    assert [measured.rate for measured in sent(effects, LinkMeasured)] == [0]
    assert sent(effects, ReportLinkStatus) == []


def test_a_block_is_repeated_to_who_has_not_received_it() -> None:
    twin = started()
    first, _ = sent(tell(twin, DUE), LinkKeyBlock)
    tell(twin, received(B, 1))
    effects = tell(twin, REPEAT)
    (again,) = sent(effects, LinkKeyBlock)
    assert [each.to for each in effects if isinstance(each, Send) and each.message is again] == [km_of(A)]
    assert content(again) == content(first)
    tell(twin, received(A, 1), LinkStatusNoted(LINK, 1))
    assert tell(twin, REPEAT) == []


def test_an_acknowledgement_of_what_is_not_waited_for_changes_nothing() -> None:
    twin = started()
    tell(twin, DUE)
    assert tell(twin, received(A, 7), received(NodeId("x"), 1)) == []
    assert len(twin.unreceived) == 2


def test_a_key_manager_gets_its_blocks_one_at_a_time_in_their_order() -> None:
    twin = started()
    tell(twin, DUE)
    assert [block.number for block in sent(tell(twin, DUE), LinkKeyBlock)] == []
    assert [block.number for block in sent(tell(twin, received(A, 1)), LinkKeyBlock)] == [2]


def test_few_blocks_are_kept_for_a_key_manager_that_does_not_answer() -> None:
    twin = started()
    for number in range(1, 20):
        tell(twin, DUE)
        tell(twin, received(B, number))
    waiting = [number for node, number in twin.unreceived if node == A]
    assert MOST_UNRECEIVED <= len(waiting) == len(twin.unreceived) <= 2 * MOST_UNRECEIVED
    assert max(waiting) == 19
    assert {block.number for block in sent(tell(twin, REPEAT), LinkKeyBlock)} == {min(waiting)}


def test_a_block_is_wiped_when_both_have_it() -> None:
    twin = started()
    tell(twin, DUE)
    ((block, _),) = {id(held): (held, qber) for held, qber in twin.unreceived.values()}.values()
    tell(twin, received(A, 1))
    block.copy().wipe()
    tell(twin, received(B, 1))
    with pytest.raises(AssertionError, match="wiped"):
        block.copy()


def test_full_stores_hold_the_device_back_and_room_lets_it_go_on() -> None:
    twin = started()
    handed = []
    for _ in range(60):
        effects = tell(twin, DUE)
        if sent(effects, LinkKeyBlock):
            handed.append(twin.number)
            tell(twin, received(A, twin.number, has_room=False), received(B, twin.number))
        assert sent(effects, LinkMeasured)  # it goes on measuring
    gaps = [later - earlier for earlier, later in pairwise(handed)]
    assert max(gaps) == LONGEST_PAUSE + 1
    assert gaps == sorted(gaps)
    while not sent(tell(twin, DUE), LinkKeyBlock):
        pass
    tell(twin, received(A, twin.number), received(B, twin.number))
    while not sent(tell(twin, DUE), LinkKeyBlock):
        pass
    tell(twin, received(A, twin.number), received(B, twin.number))
    assert sent(tell(twin, DUE), LinkKeyBlock)


# --- the controller -------------------------------------------------------------------------------------------------


def test_a_link_is_registered_until_the_controller_has_it() -> None:
    twin = fresh()
    effects = twin.restore([], START)
    (register,) = sent(effects, RegisterLink)
    assert (register.link, register.rate, register.qber, register.device) == (LINK, BLOCK // 2, 0.02, "box")
    assert StartTimer(f"{LINK}/repeat", REPEAT_AFTER, REPEAT) in effects
    assert len(sent(tell(twin, REPEAT), RegisterLink)) == 1
    tell(twin, LinkRegistered(LINK))
    assert tell(twin, REPEAT) == []


def test_a_link_is_active_from_its_first_block_on() -> None:
    twin = started()
    (report,) = sent(tell(twin, DUE), ReportLinkStatus)
    assert (report.status, report.sequence) == (LinkStatus.ACTIVE, 1)
    assert sent(tell(twin, DUE), ReportLinkStatus) == []


def test_a_status_is_reported_with_its_cause_until_it_is_noted() -> None:
    twin = started()
    effects = tell(twin, CUT)
    assert [each.to for each in effects if isinstance(each, Send)] == [CONTROLLER]
    reports = [*sent(effects, ReportLinkStatus), *sent(tell(twin, REPEAT), ReportLinkStatus)]
    assert [(report.status, report.cause) for report in reports] == [(LinkStatus.OFF, "loss of signal")] * 2
    tell(twin, LinkStatusNoted(LINK, 0))
    assert sent(tell(twin, REPEAT), ReportLinkStatus)
    tell(twin, LinkStatusNoted(LINK, 1))
    assert tell(twin, REPEAT) == []


# --- light ----------------------------------------------------------------------------------------------------------


def test_without_light_no_block_is_made() -> None:
    twin = started()
    assert StopTimer(f"{LINK}/block") in tell(twin, CUT)
    assert twin.state is Phase.DARK
    assert tell(twin, DUE) == []
    assert tell(twin, CUT) == []


def test_with_the_light_the_blocks_come_back() -> None:
    twin = started()
    effects = tell(twin, CUT, HEAL)
    assert [report.status for report in sent(effects, ReportLinkStatus)] == [LinkStatus.ACTIVE]
    assert StartTimer(f"{LINK}/block", seconds(2), DUE) in effects
    assert sent(tell(twin, DUE), LinkKeyBlock)
    assert tell(twin, HEAL) == []


# --- restart --------------------------------------------------------------------------------------------------------


def test_a_number_is_never_given_twice_though_few_are_saved() -> None:
    twin, journal = started(), list[Record]()
    given = []
    for _ in range(3 * NUMBERS_AHEAD):
        effects = tell(twin, DUE)
        journal += saved(effects)
        given.append(twin.number)
    assert len(journal) <= 5
    again = fresh()
    again.restore(journal, START)
    tell(again, DUE)
    assert max(given) < again.number <= max(given) + NUMBERS_AHEAD + 1


def test_after_a_restart_the_controller_is_told_anew() -> None:
    twin = fresh()
    effects = twin.restore([BlockNumbered(64, 3, is_dark=False)], START)
    assert [(report.sequence, report.status) for report in sent(effects, ReportLinkStatus)] == [(4, LinkStatus.ACTIVE)]
    assert sent(effects, RegisterLink)


def test_a_cut_channel_stays_cut_over_a_restart() -> None:
    twin = started()
    journal = [record for effects in (tell(twin, DUE), tell(twin, CUT)) for record in saved(effects)]
    again = fresh()
    effects = again.restore(journal, START)
    assert again.state is Phase.DARK
    assert [report.status for report in sent(effects, ReportLinkStatus)] == [LinkStatus.OFF]
    assert not [effect for effect in effects if isinstance(effect, StartTimer) and effect.message == DUE]
    assert sent(tell(again, HEAL, DUE), LinkKeyBlock)


def test_equal_seeds_give_equal_effects() -> None:
    inputs: list[Input] = [(LinkRegistered(LINK), START)]
    for number in range(1, 9):
        inputs += [(DUE, START), (received(A, number), START), (received(B, number), START)]
    inputs += [(CUT, START), (HEAL, START), (DUE, START), (REPEAT, START)]
    assert_replayable(partial(fresh, BLOCK, 5_000.0), inputs)


def test_any_prefix_of_the_records_gives_a_twin_that_lives() -> None:
    twin = started()
    steps = [DUE, *[CUT, HEAL] * 2, *[DUE] * (NUMBERS_AHEAD + 2), CUT]
    records = [record for step in steps for record in saved(tell(twin, step))]
    assert_restorable(fresh, records, _wanted_timers)


def _wanted_timers(twin: Twin) -> list[str]:
    return [f"{LINK}/repeat", *([] if twin.state is Phase.DARK else [f"{LINK}/block"])]


# --- attack ---------------------------------------------------------------------------------------------------------


def test_an_attack_is_seen_in_the_counts_and_told_by_nobody() -> None:
    twin = started()
    tell(twin, DUE, LinkStatusNoted(LINK, 1))
    assert sent(tell(twin, ATTACK), ReportLinkStatus) == []
    effects = tell(twin, DUE)
    (measured,) = sent(effects, LinkMeasured)
    assert measured.rate == 0
    assert measured.qber == pytest.approx(0.02 + 0.2 * 0.96)
    assert not sent(effects, LinkKeyBlock)
    assert not sent(effects, ReportLinkStatus)


def test_a_block_that_saw_a_part_of_an_attack_is_one_of_the_attack() -> None:
    twin = started()
    tell(twin, DUE, ATTACK, HEAL)  # within one block
    assert sent(tell(twin, DUE), LinkMeasured)[0].rate == 0
    assert sent(tell(twin, DUE), LinkMeasured)[0].rate == BLOCK // 2


def test_a_weaker_attack_replaces_a_stronger_one_from_the_next_block_on() -> None:
    twin = started()
    tell(twin, ATTACK, AttackQuantumChannel(LINK, 0.01))
    first, second = (sent(tell(twin, DUE), LinkMeasured)[0] for _ in range(2))
    assert first.qber > 0.2
    assert second.qber == pytest.approx(0.02 + 0.01 * 0.96)
    assert 0 < second.rate < BLOCK // 2


def test_an_attack_outlives_a_restart_and_ends_by_healing() -> None:
    records = saved(tell(started(), ATTACK))
    twin = fresh()
    twin.restore(records, START)
    assert sent(tell(twin, DUE), LinkMeasured)[0].rate == 0
    again = fresh()
    again.restore([*records, *saved(tell(twin, HEAL))], START)
    assert sent(tell(again, DUE), LinkMeasured)[0].rate > 0


def test_healing_a_cut_ends_an_attack_too() -> None:
    twin = started()
    tell(twin, ATTACK, CUT, HEAL)
    assert sent(tell(twin, DUE), LinkMeasured)[0].rate > 0


def test_an_attack_on_a_dark_channel_is_there_when_the_light_is() -> None:
    twin = started()
    tell(twin, CUT, ATTACK)
    assert saved(tell(twin, REPEAT)) == []
    records = saved(tell(twin, CutQuantumChannel(LINK), ATTACK))
    assert isinstance(records[-1], BlockNumbered)
    assert (records[-1].is_dark, records[-1].error_rate) == (True, 0.2)
