"""Device files: each number with unit and source, the parameters those of the protocol."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from keytwin.files.device import device_from, read_device
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source, device_names
from keytwin.vocabulary.device import DecoyBb84Device, Device, EmpiricalDevice
from keytwin.vocabulary.errors import Mistake
from tests.files.reading import device, device_mistakes

BOX = """format: 1
name: box
about: A black box
protocol: empirical
parameters:
  rate: {value: 50 kbit/s, source: own measurement}
  qber: {value: 3 %, source: own measurement}
  block_time: {value: 10 s, source: own measurement}
"""


def test_a_device_has_the_type_of_its_protocol() -> None:
    box = device(BOX)
    assert isinstance(box, EmpiricalDevice)
    assert (box.name, box.rate, box.qber, box.block_time, box.deviation) == ("box", 50_000, 0.03, 10**10, 0.0)
    assert dict(box.sources) == dict.fromkeys(("rate", "qber", "block_time"), "own measurement")


@pytest.mark.parametrize("name", device_names())
def test_every_number_of_the_library_has_a_source(name: str) -> None:
    found = read_device(name)
    assert found.name == name
    assert found.about
    parameters = set(type(found).__dataclass_fields__) - set(Device.__dataclass_fields__)
    given = {each for each in parameters if getattr(found, each) is not None}
    assert given <= set(found.sources)
    assert all(found.sources.values())


def test_the_device_of_star6_is_a_decoy_bb84_one() -> None:
    found = read_device("generic-decoy-bb84")
    assert isinstance(found, DecoyBb84Device)
    assert (found.clock, found.block_time, found.dark_count) == (1e9, 10**9, 6e-7)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rate: {", "rte: {", ("6:3: unknown key 'rte' in the parameters of this protocol (did you mean 'rate'?)")),
        (
            "50 kbit/s",
            "50 kbit",
            (
                "6:17: '50 kbit' has an unknown unit 'kbit': a rate takes one of "
                "bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, MB/s, GB/s"
            ),
        ),
        (
            "3 %, source: own measurement",
            "3 %",
            "7:9: 'source' is missing in a parameter (where the number comes from)",
        ),
        (
            "{value: 3 %, source: own measurement}",
            "3 %",
            ("7:9: parameters.qber is a text, where a mapping that describes a parameter is wanted"),
        ),
        (
            "3 %, source: own measurement",
            "3 %, source: ' '",
            "7:30: a number without a source is a guess: say where it comes from",
        ),
        ("protocol: empirical", "protocol: empiric", "4:11: unknown protocol 'empiric' (did you mean 'empirical'?)"),
        ("protocol: empirical", "protocol:", "4:1: 'protocol' has no value (what models it, such as decoy-bb84)"),
        (
            "name: box",
            "name: a b",
            (
                "2:7: 'a b' cannot name a device: use letters, digits, '.', '_' "
                "and '-', with a letter or digit at both ends"
            ),
        ),
    ],
)
def test_a_wrong_device_is_told(old: str, new: str, told: str) -> None:
    assert told in device_mistakes(BOX.replace(old, new))


@pytest.mark.parametrize("protocol", ["", "protocol:", "protocol: [x]", "protocol: empiric"])
def test_without_a_known_protocol_nothing_is_said_of_the_parameters(protocol: str) -> None:
    assert len(device_mistakes(BOX.replace("protocol: empirical", protocol))) == 1


def test_a_missing_parameter_is_told() -> None:
    assert device_mistakes(BOX.replace("rate: {value: 50 kbit/s, source: own measurement}", "")) == [
        "7:3: 'rate' is missing in the parameters of this protocol (rate)"
    ]


def test_a_file_that_is_no_mapping_is_told() -> None:
    assert device_mistakes("- a") == [("1:1: the file is a list, where a mapping that describes a device is wanted")]


def test_a_device_is_found_by_name_with_the_nearest_told() -> None:
    with pytest.raises(Mistake, match=r"unknown device 'generic-bb84' \(did you mean 'generic-decoy-bb84'"):
        read_device("generic-bb84")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoudDevice(Device):
    """What a plug-in brings."""

    loudness: float = field(metadata={"quantity": "number"})


def test_a_plug_in_brings_its_own_type_of_device() -> None:
    known = Known(protocols={**BROUGHT.protocols, "loud": LoudDevice})
    text = "format: 1\nname: l\nabout: x\nprotocol: loud\nparameters: {loudness: {value: 1.5, source: heard}}\n"
    found = device_from(Source("loud.yaml", text.encode()), known)
    assert isinstance(found, LoudDevice)
    assert found.loudness == 1.5
