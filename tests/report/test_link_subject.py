"""Which link is asked about, and what may be set on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.files.library import device_names, example_text
from keytwin.quantum.traits import UNKNOWN
from keytwin.report.link_subject import ALONE, Subject, changed, settable, subjects
from keytwin.vocabulary.device import DecoyBb84Device, Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import Coexistence, FreeSpace


def alone(settings: dict[str, str], device: str = "generic-decoy-bb84") -> Subject:
    (found,) = subjects(device, settings=settings)
    return found


def test_a_network_gives_all_its_links_and_a_name_one_of_them() -> None:
    assert len(subjects("star6")) == 6
    assert [each.link.id for each in subjects("star6", "km1 -- km0")] == ["km0--km1"]


def test_a_scenario_may_put_other_devices_into_its_network() -> None:
    (found,) = subjects("star6/fig4", "km0--km1")
    assert found.device.name == found.link.device == "slow-start-decoy-bb84"


def test_a_device_stands_alone() -> None:
    found = alone({"length": "50 km"})
    assert (found.link.id, found.link.device, found.channel.loss) == (ALONE, "generic-decoy-bb84", 10.0)


def test_a_device_of_a_file_will_do(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(example_text("generic-dps"), encoding="utf-8")
    assert alone({"loss": "3 dB"}, str(path)).device == alone({"loss": "3 dB"}, "generic-dps").device


def test_what_is_set_is_in_the_model_and_nothing_else_is() -> None:
    plain, other = alone({"loss": "10 dB"}), alone({"loss": "10 dB", "dark_count": "2e-6", "clock": "2 GHz"})
    assert isinstance(plain.device, DecoyBb84Device)
    assert isinstance(other.device, DecoyBb84Device)
    assert (other.device.dark_count, other.device.clock) == (2e-6, 2e9)
    assert other.device.misalignment == plain.device.misalignment
    assert other.link == plain.link


@pytest.mark.parametrize(
    ("settings", "loss"),
    [
        ({"length": "50 km"}, 10.0),
        ({"attenuation": "0.3 dB/km", "length": "50 km"}, 15.0),
        ({"loss": "7 dB", "length": "50 km"}, 7.0),
        ({"length": "50 km", "loss": "7 dB"}, 7.0),
    ],
)
def test_a_measured_loss_wins_in_any_order(settings: dict[str, str], loss: float) -> None:
    assert alone(settings).channel.loss == pytest.approx(loss)


def test_a_new_length_undoes_the_loss_that_was_measured_on_the_old_one() -> None:
    measured = alone({"length": "50 km", "loss": "7 dB"})
    assert changed(measured, {"length": "20 km"}).channel.loss == pytest.approx(4.0)


def test_parameters_of_the_medium_can_be_set_short_and_long() -> None:
    for key in ("copropagating", "fibre.copropagating"):
        lit = alone({"length": "20 km", key: "4"})
        assert lit.link.setting == Coexistence(copropagating=4)
        assert lit.channel.background > alone({"length": "20 km"}).channel.background == 0


def test_another_medium_brings_its_own_parameters() -> None:
    air = alone({"visibility": "10 km", "length": "2 km", "medium": "free-space"})
    assert air.link.setting == FreeSpace(visibility=air.link.setting.visibility)  # type: ignore[union-attr]  # compared
    assert air.channel.loss > 0


@pytest.mark.parametrize("name", device_names())
def test_every_parameter_of_a_library_device_can_be_set(name: str) -> None:
    found = Subject(alone({"loss": "1 dB"}, name).device, alone({"loss": "1 dB"}, name).link)
    written = set(found.device.sources)
    assert written <= settable(found).keys()


@pytest.mark.parametrize(
    ("what", "link", "settings", "told"),
    [
        ("generic-dps", None, {}, "say what lies between the modules of generic-dps: length=50 km, or loss=10 dB"),
        ("generic-dps", "a--b", {"loss": "1 dB"}, "which has no link 'a--b'"),
        ("generic-dsp", None, {}, "did you mean 'generic-dps'?"),
        ("star6", "km0--km9", {}, "network star6 has no link 'km0--km9' (did you mean"),
        ("star6", None, {"dark_cout": "0"}, "has no 'dark_cout' (did you mean 'dark_count'?)"),
        ("star6", None, {"zzzzzzzz": "0"}, "known: medium, length, loss, attenuation"),
        ("star6", None, {"length": "3"}, "length: '3' has no unit"),
        ("star6", None, {"loss": "3 km"}, "loss: '3 km' has an unknown unit 'km'"),
        ("star6", None, {"dark_count": "3"}, "dark_count: '3' is more than the whole"),
        ("star6", None, {"medium": "fiber"}, "medium: unknown medium 'fiber' (did you mean 'fibre'?)"),
        ("star6", None, {"satellite.period": "1 h"}, "has no 'satellite.period'"),
    ],
)
def test_mistakes_say_what_to_mend(what: str, link: str | None, settings: dict[str, str], told: str) -> None:
    with pytest.raises(Mistake) as caught:
        subjects(what, link, settings)
    assert told in str(caught.value)


def test_a_black_box_needs_no_loss() -> None:
    assert alone({}, "empirical-black-box").model().rate().secret > 0


def test_a_protocol_that_nobody_brings_is_a_mistake() -> None:
    found = alone({"loss": "1 dB"})
    stranger = Device(name=found.device.name, about="", protocol="new", sources={})
    with pytest.raises(Mistake, match="QKD protocol 'new' is not known"):
        _ = Subject(stranger, found.link).protocol
    assert found.protocol.traits != UNKNOWN
