"""Devices of one's own: `device: mydev.yaml` names a file by its path from the file that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import device_source, example_text, path_source
from keytwin.files.network import check_network, read_network, write_network
from keytwin.files.own_devices import MOST_OWN_DEVICES
from keytwin.files.scenario import read_scenario
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.device import EmpiricalDevice
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import DeviceId

BOX = example_text("empirical-black-box").replace("name: empirical-black-box", "name: box")
NETWORK = "format: 1\nname: t\ndefaults: {link: {device: box.yaml, length: 5 km}}\nnodes: {a: , b: , c: }\n"
LINKS = "links: [a -- b, b -- c: {device: generic-decoy-bb84}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "box.yaml", BOX)
    return tmp_path


def save(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read(folder: Path, text: str, known: Known = BROUGHT) -> Blueprint:
    save(folder / "net.yaml", text)
    return check_network(path_source(folder / "net.yaml", "net.yaml"), known).value


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(FileMistake) as raised:
        read(folder, text)
    return [str(each).replace(f"{folder}/", "") for each in raised.value.findings]


def test_a_device_beside_the_network_is_known_by_its_own_name(folder: Path) -> None:
    blueprint = read(folder, NETWORK + LINKS)
    assert [link.device for link in blueprint.topology.links] == ["box", "generic-decoy-bb84"]
    box = blueprint.devices[DeviceId("box")]
    assert isinstance(box, EmpiricalDevice)
    assert (box.name, box.rate) == ("box", 50_000)


@pytest.mark.parametrize("written", ["devs/box.yaml", "./devs/box.yaml", "devs/box.yml"])
def test_a_path_leads_from_the_folder_of_the_network(folder: Path, written: str) -> None:
    save(folder / written, BOX.replace("50 kbit/s", "9 kbit/s"))
    box = read(folder, NETWORK.replace("box.yaml", written) + LINKS).devices[DeviceId("box")]
    assert isinstance(box, EmpiricalDevice)
    assert box.rate == 9_000


def test_a_network_with_its_own_device_reads_back_to_itself(folder: Path) -> None:
    blueprint = read(folder, NETWORK + LINKS)
    text = write_network(blueprint, {DeviceId("box"): "box.yaml"})
    assert "device: box.yaml" in text
    assert read(folder, text) == blueprint


def test_a_plug_in_models_an_own_device(folder: Path) -> None:
    save(folder / "box.yaml", BOX.replace("protocol: empirical", "protocol: measured"))
    known = Known(protocols={**BROUGHT.protocols, "measured": EmpiricalDevice})
    assert read(folder, NETWORK + LINKS, known).devices[DeviceId("box")].protocol == "measured"


def test_what_is_wrong_in_the_device_is_told_once_with_the_place_that_names_it(folder: Path) -> None:
    save(folder / "box.yaml", BOX.replace("3 %", "3 dB"))
    assert mistakes(folder, NETWORK + "links: [a -- b, b -- c: {device: box.yaml}]\n") == [
        "box.yaml:12:12: '3 dB' has an unknown unit 'dB': a share from 0 to 1 takes one of % (named in net.yaml:3:27)"
    ]


def test_a_device_that_cannot_be_read_may_be_a_black_box_that_needs_no_length(folder: Path) -> None:
    save(folder / "box.yaml", BOX.replace("3 %", "3 dB"))
    assert len(mistakes(folder, NETWORK.replace(", length: 5 km", "") + "links: [a -- b]\n")) == 1


def test_who_names_a_file_like_a_name_is_told_how(folder: Path) -> None:
    (told,) = mistakes(folder, NETWORK.replace("box.yaml", "box") + LINKS)
    assert told.startswith("net.yaml:3:27: unknown device 'box' (known: 'empirical-black-box', ")
    assert told.endswith("; a file is given by its path, which ends in .yaml)")


def test_a_missing_device_file_is_told_where_it_is_named(folder: Path) -> None:
    assert mistakes(folder, NETWORK.replace("box.yaml", "bx.yaml") + LINKS) == [
        "net.yaml:3:27: bx.yaml: there is no such file"
    ]


@pytest.mark.parametrize(
    ("name", "taken"),
    [("generic-decoy-bb84", "a device of the library"), ("box", "another file that this network names")],
)
def test_two_devices_of_one_name_are_refused(folder: Path, name: str, taken: str) -> None:
    save(folder / "second.yaml", BOX.replace("name: box", f"name: {name}"))
    assert mistakes(folder, NETWORK + "links: [a -- b, b -- c: {device: second.yaml}]\n") == [
        (
            f"net.yaml:5:34: the device in 'second.yaml' calls itself {name!r}, like {taken} "
            "(give it a name of its own: change 'name' there)"
        )
    ]


def test_a_path_in_the_overrides_leads_from_the_scenario(folder: Path) -> None:
    save(folder / "nets" / "net.yaml", NETWORK.replace("box.yaml", "generic-decoy-bb84") + "links: [a -- b, b -- c]\n")
    override = "overrides: {defaults: {link: {device: box.yaml}}}\n"
    save(folder / "run.yaml", f"format: 1\nname: r\nnetwork: nets/net.yaml\nduration: 9 s\n{override}")
    assert set(read_scenario(str(folder / "run.yaml")).blueprint.devices) == {"box"}


def test_one_path_that_means_two_files_is_refused(folder: Path) -> None:
    save(folder / "nets" / "box.yaml", BOX)
    save(folder / "nets" / "net.yaml", NETWORK + "links: [a -- b, b -- c: {device: box.yaml}]\n")
    override = "overrides: {defaults: {link: {device: box.yaml}}}\n"
    save(folder / "run.yaml", f"format: 1\nname: r\nnetwork: nets/net.yaml\nduration: 9 s\n{override}")
    with pytest.raises(FileMistake, match=r"'box\.yaml' is .*box\.yaml elsewhere"):
        read_scenario(str(folder / "run.yaml"))


def test_no_more_device_files_than_a_limit_are_read(folder: Path) -> None:
    nodes = "".join(f"n{number}: , " for number in range(MOST_OWN_DEVICES + 2))
    links = "".join(f"  - n{n} -- n{n + 1}: {{device: d{n}.yaml}}\n" for n in range(MOST_OWN_DEVICES + 1))
    assert mistakes(folder, f"format: 1\nname: t\nnodes: {{{nodes}}}\nlinks:\n{links}") == [
        f"net.yaml:1:1: {MOST_OWN_DEVICES + 1} device files are named: {MOST_OWN_DEVICES} is the most"
    ]


def test_a_device_of_the_library_is_text_to_begin_ones_own_with() -> None:
    assert example_text("empirical-black-box").encode() == device_source("empirical-black-box").octets
    assert read_network("star6").devices  # the library's own networks name theirs by name
