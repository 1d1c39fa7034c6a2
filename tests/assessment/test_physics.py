"""The key of links as design asks for it: equal to that of the link model, and worked out once."""

from __future__ import annotations

import pytest

from keytwin.assessment.physics import Physics, devices, shelf
from keytwin.files.device import library_device
from keytwin.quantum.channel import channel_of
from keytwin.quantum.protocols import link_model
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import DeviceId, LinkId
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Decibels, Kilometres

DECOY = library_device("generic-decoy-bb84")
REPEATER = library_device("two-segment-repeater")


def link(length: float, name: str = "a--b") -> QLink:
    return QLink(LinkId(name), DeviceId("any"), length=Kilometres(length))


def test_a_rate_is_that_of_the_link_model_whatever_the_link_is_called() -> None:
    physics = Physics()
    expected = link_model(DECOY, channel_of(link(50.0))).rate().secret
    assert physics.rate(link(50.0), DECOY) == physics.rate(link(50.0, "c--d/north"), DECOY) == expected
    assert physics.rate(link(20.0), DECOY) > expected


def test_a_refusal_says_the_loss_at_hand_and_how_far_the_device_reaches() -> None:
    physics = Physics()
    with pytest.raises(Mistake, match=r"gives no key at 60\.0 dB") as first:
        physics.rate(link(300.0), DECOY)
    with pytest.raises(Mistake) as again:
        physics.rate(link(300.0), DECOY)
    assert str(again.value) == str(first.value)
    # The reach is known by now, and is not looked for again.
    with pytest.raises(Mistake, match=r"gives no key at 80\.0 dB: it reaches \d+\.\d dB"):
        physics.rate(link(400.0), DECOY)
    assert physics.rate(link(10.0), DECOY) > 0


def test_another_device_has_a_reach_of_its_own() -> None:
    physics = Physics()
    with pytest.raises(Mistake):
        physics.rate(link(300.0), DECOY)
    with pytest.raises(Mistake, match="two-segment-repeater"):
        physics.rate(link(300.0), REPEATER)


@pytest.mark.parametrize("loss", [0.0, 30.0])
def test_a_direct_link_reaches_so_far(loss: float) -> None:
    assert Physics().reaches(loss)


def test_a_direct_link_does_not_reach_across_a_continent() -> None:
    assert not Physics().reaches(70.0)


def test_no_direct_link_beats_the_best_of_them() -> None:
    physics = Physics()
    farthest = max(loss for loss in range(0, 70, 2) if physics.reaches(loss))
    direct = [device for device in devices() if device.protocol in {"decoy-bb84", "bb84-one-decoy", "bbm92"}]
    given = [QLink(LinkId("a--b"), device.name, total_loss=Decibels(farthest + 2.0)) for device in direct]
    for device, beyond in zip(direct, given, strict=True):
        with pytest.raises(Mistake):
            physics.rate(beyond, device)


def test_the_shelf_holds_the_library() -> None:
    found = shelf(Physics())
    assert found.named(DeviceId("generic-decoy-bb84")) == DECOY
    assert found.running("decoy-bb84", is_sky=True) == library_device("satellite-decoy-bb84")
    assert found.rate(link(10.0), DECOY) > 1_000
