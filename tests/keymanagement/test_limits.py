"""What status tells of a session (ETSI GS QKD 014 V1.1.1, Table 9): limits that follow from its service level."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement.limits import LARGEST_KEY, MOST_PER_REQUEST, NOT_YET, Holding, no_pool, pool_status
from keytwin.vocabulary.exchange_messages import DescribePool, KeyRefused, PoolStatus
from keytwin.vocabulary.identity import ElementName, KmId, Ksid, NodeId, SaeId, sae_element
from keytwin.vocabulary.machine import Effect, Send
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, seconds
from tests.fakes.control import KSID
from tests.keymanagement.bench import FIRST, SECOND, Row
from tests.keymanagement.parts import A
from tests.marks import clause

FACE = ElementName("face/a")
ASK = DescribePool("r", FACE, Ksid("session"), SaeId("alice"), KmId("b"))


def status_of(effect: Effect) -> PoolStatus:
    assert isinstance(effect, Send)
    assert effect.to == FACE
    assert isinstance(effect.message, PoolStatus)
    return effect.message


def told(
    key_size: int = 256, burst: int = 256_000, largest: int = 32_768, ready: int = 7, depth: int = 64
) -> PoolStatus:
    return status_of(pool_status(ASK, A, Holding(Bits(key_size), Bits(burst), Bits(largest), ready, depth)))


@clause("ETSI GS QKD 014 V1.1.1", "6.1")
def test_a_usual_service_level() -> None:
    assert told() == PoolStatus(
        request_id="r",
        ksid=Ksid("session"),
        source=KmId("a"),
        target=KmId("b"),
        key_size=Bits(256),
        min_key_size=Bits(64),
        max_key_size=Bits(32_768),
        stored_key_count=7,
        max_key_count=64,
        max_key_per_request=MOST_PER_REQUEST,
    )


@given(
    key_size=st.integers(1, 8_192).map(lambda octets: 8 * octets),
    more=st.integers(0, 10**7),
    largest=st.integers(0, 4_096).map(lambda octets: 8 * octets),
    ready=st.integers(0, 5_000),
    depth=st.integers(0, 5_000),
)
def test_no_limit_promises_what_the_burst_forbids(
    key_size: int, more: int, largest: int, ready: int, depth: int
) -> None:
    burst = key_size + more
    status = told(key_size, burst, largest, ready, depth)
    assert status.min_key_size <= key_size <= status.max_key_size <= burst
    assert status.max_key_size <= max(LARGEST_KEY, key_size)
    assert status.max_key_size <= max(largest, key_size)
    assert status.max_key_size % 8 == 0
    assert 1 <= status.max_key_per_request <= MOST_PER_REQUEST
    assert status.max_key_per_request * key_size <= burst
    assert status.stored_key_count == ready <= status.max_key_count


def test_a_session_that_is_not_there_may_be_soon_and_one_of_another_never_is() -> None:
    assert no_pool(ASK) == Send(FACE, KeyRefused("r", Reason.UNAVAILABLE, NOT_YET))
    assert no_pool(ASK, Reason.NOT_ALLOWED) == Send(FACE, KeyRefused("r", Reason.NOT_ALLOWED, Duration(0)))


# --- of a session -----------------------------------------------------------------------------------------------------


def opened(burst: int = 20_000) -> Row:
    row = Row(hops=2, control={"burst": Bits(burst), "rate": 20_000})
    row.open()
    row.run(seconds(3))
    return row


def described(row: Row, sae: SaeId = FIRST, ksid: Ksid = KSID) -> PoolStatus | KeyRefused:
    place = 0 if sae == FIRST else -1
    km = row.km(0 if place == 0 else row.hops)
    (effect,) = km.receive(DescribePool("r", FACE, ksid, sae, KmId("far")), row.simulation.now)
    assert isinstance(effect, Send)
    assert isinstance(effect.message, PoolStatus | KeyRefused)
    return effect.message


@pytest.mark.parametrize("sae", [FIRST, SECOND])
def test_each_end_tells_of_its_own_pool(sae: SaeId) -> None:
    row = opened()
    status = described(row, sae)
    assert isinstance(status, PoolStatus)
    assert (status.max_key_per_request, status.max_key_size) == (20_000 // 256, 20_000)
    assert 0 < status.stored_key_count <= status.max_key_count
    row.ask(sae, "a", number=3)
    row.wait(Duration(0))
    less = described(row, sae)
    assert isinstance(less, PoolStatus)
    assert less.stored_key_count == status.stored_key_count - 3


def test_what_status_tells_can_be_had_and_one_more_cannot() -> None:
    row = opened(burst=6_000)
    status = described(row)
    assert isinstance(status, PoolStatus)
    assert row.pair(FIRST, "most", number=status.max_key_per_request, size=None)
    row.wait(seconds(2))
    assert row.pair(FIRST, "largest", size=status.max_key_size)
    row.wait(seconds(2))
    for number, size in ((status.max_key_per_request + 1, None), (1, Bits(status.max_key_size + 8))):
        row.ask(FIRST, f"over {number}", number, size)
        row.wait(seconds(1))
        refusal = row.answer(FIRST, f"over {number}")
        assert isinstance(refusal, KeyRefused)
        assert refusal.reason is Reason.TOO_LARGE


def test_the_smallest_key_that_status_tells_can_be_had() -> None:
    row = opened()
    status = described(row)
    assert isinstance(status, PoolStatus)
    assert row.pair(FIRST, "small", size=status.min_key_size)


def test_a_short_link_store_bounds_the_size_of_keys() -> None:
    desk = opened(burst=1_000_000).km(0).sessions.desk(KSID)
    assert desk
    workshop, order = desk.workshop, desk.workshop.orders[KSID]
    assert order.largest > LARGEST_KEY
    order.exits[0].link.capacity = 3_000
    shorter = workshop.orders[KSID] = replace(order)
    assert workshop.fits(KSID, shorter.largest)
    assert not workshop.fits(KSID, Bits(shorter.largest + 8))
    order.exits[0].link.capacity = 1
    assert replace(order).largest == 0


def test_only_its_own_sae_hears_of_a_session_and_only_while_it_is_open() -> None:
    row = opened()
    strange = row.km(0).receive(DescribePool("r", FACE, KSID, SECOND, KmId("x")), row.simulation.now)
    assert strange == [Send(FACE, KeyRefused("r", Reason.NOT_ALLOWED, Duration(0)))]
    unknown = described(row, ksid=Ksid("none"))
    assert unknown == KeyRefused("r", Reason.UNAVAILABLE, NOT_YET)
    row.close(FIRST)
    row.wait(seconds(2))
    assert described(row) == KeyRefused("r", Reason.UNAVAILABLE, NOT_YET)


def test_between_the_ends_nobody_knows_of_a_pool() -> None:
    row = opened()
    (effect,) = row.km(1).receive(DescribePool("r", sae_element(FIRST), KSID, FIRST, KmId("x")), row.simulation.now)
    assert effect == Send(sae_element(FIRST), KeyRefused("r", Reason.UNAVAILABLE, NOT_YET))
    assert row.nodes[1] == NodeId("n1")
