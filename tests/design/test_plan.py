"""A plan as the measures see it, and the shelf that its devices come from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.design.plan import usable_share
from keytwin.design.realisation import Shelf
from keytwin.design.throughput import Span
from keytwin.vocabulary.blueprint import AdmissionSettings, ControlSettings, KeyManagementSettings
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import DeviceId, LinkId, NodeId
from tests.design.cases import SHELF, device
from tests.design.plans import plan
from tests.fakes.rates import rate_by_loss

A, B, C = (NodeId(name) for name in "abc")


def test_the_links_of_a_plan_are_spans_with_what_they_give() -> None:
    subject = plan({"a--b": 10.0, "b--c": 0.0}, {"a--c": 1.0})
    assert subject.spans == (Span(LinkId("a--b"), (A, B), 10.0), Span(LinkId("b--c"), (B, C), 0.0))
    assert subject.spans is subject.spans  # made once: every measure asks for them


def test_another_plan_has_its_own_spans() -> None:
    first = plan({"a--b": 10.0}, {"a--b": 1.0})
    assert first.spans[0].capacity == 10.0
    second = replace(first, rates={LinkId("a--b"): 20.0})
    assert (first.spans[0].capacity, second.spans[0].capacity) == (10.0, 20.0)


def test_the_first_device_of_a_protocol_is_taken_and_one_for_satellites_in_the_sky_only() -> None:
    ground, sky = (SHELF.running("decoy-bb84", is_sky=is_sky) for is_sky in (False, True))
    assert ground is not None
    assert sky is not None
    assert (ground.name, sky.name) == ("generic-decoy-bb84", "satellite-decoy-bb84")
    plain = SHELF.running("bb84-single-photon", is_sky=True)
    assert plain is not None
    assert plain.name == "generic-bb84"  # where none is made for it, the usual one has to do
    assert SHELF.running("cow", is_sky=True) is None
    only = Shelf((device("satellite-cow", "cow"),), rate_by_loss)
    assert only.running("cow", is_sky=False) is None


def test_a_device_that_is_named_is_there_or_told_missing_with_those_that_are() -> None:
    assert SHELF.named(DeviceId("chain")).protocol == "repeater-chain"
    with pytest.raises(Mistake, match="device 'chains' is not at hand: choose one of satellite-decoy-bb84, generic-"):
        SHELF.named(DeviceId("chains"))


def test_a_shelf_without_anything_has_nothing_to_give() -> None:
    bare = Shelf((), rate_by_loss)
    assert bare.running("decoy-bb84", is_sky=False) is None
    with pytest.raises(Mistake, match="is not at hand"):
        bare.named(DeviceId("any"))


def test_a_link_can_promise_its_scarcer_direction_less_the_margin() -> None:
    keys, control = KeyManagementSettings(split=0.25), ControlSettings(admission=AdmissionSettings(margin=0.2))
    assert usable_share(keys, control) == 0.25 * 0.8
    halved = replace(plan({"a--b": 10.0}, {"a--b": 1.0}), usable=0.5)
    assert halved.spans[0].capacity == 5.0
