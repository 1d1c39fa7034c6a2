"""What a file says of a medium: own values over usual ones, and mistakes that tell what to do."""

from __future__ import annotations

import pytest

from keytwin.files.known import Known
from keytwin.files.library import Source
from keytwin.files.network import check_network, write_network
from keytwin.scenario.load import known_with
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.medium import Coexistence, FreeSpace, Satellite, Setting, Sky
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Decibels, Kilometres, Radians, Watts, minutes

HEAD = "format: 1\nname: t\nnodes: {a: , b: , c: }\n"
USUAL = "defaults: {link: {device: empirical-black-box, length: 20 km"


def network(links: str, usual: str = "") -> str:
    return f"{HEAD}{USUAL}{usual}}}}}\nlinks:\n{links}"


def read(text: str) -> tuple[QLink, ...]:
    return check_network(Source("t", text.encode())).value.topology.links


def mistakes(text: str, known: Known | None = None) -> str:
    with pytest.raises(FileMistake) as raised:
        check_network(Source("t", text.encode()), *([known] if known else []))
    return str(raised.value)


@pytest.mark.parametrize(
    ("own", "setting"),
    [
        ("medium: free-space", None),
        ("fibre: {copropagating: 2, power: 0.1 mW}", Coexistence(2, power=Watts(1e-4))),
        ("fibre: ", None),
        (
            "medium: free-space, free-space: {sky: day, divergence: 20 urad}",
            FreeSpace(sky=Sky.DAY, divergence=Radians(2e-5)),
        ),
        ("medium: satellite, satellite: {closest: 645 km}", Satellite(closest=Kilometres(645.0))),
    ],
)
def test_a_medium_has_its_own_values_on_the_link(own: str, setting: Setting | None) -> None:
    text = network(f"  - a -- b: {{{own}}}\n  - b -- c\n")
    link, plain = read(text)
    assert link.setting == setting
    assert plain.setting is None
    written = write_network(check_network(Source("t", text.encode())).value)
    assert read(written) == (link, plain)


def test_own_values_are_laid_over_usual_ones() -> None:
    usual = ", medium: satellite, satellite: {altitude: 600 km, first: 5 min}, fibre: {copropagating: 1}"
    one, other = read(network("  - a -- b: {satellite: {first: 0 s}}\n  - b -- c\n", usual))
    assert one.setting == Satellite(altitude=Kilometres(600.0))
    assert other.setting == Satellite(altitude=Kilometres(600.0), first=minutes(5))
    assert other.length == 0.0, "what holds for fibre says nothing of a satellite"


def test_a_link_to_a_satellite_needs_no_length() -> None:
    first = "  - a -- b: {device: satellite-decoy-bb84, medium: satellite}\n"
    text = f"{HEAD}links:\n{first}  - b -- c: {{device: empirical-black-box}}\n"
    assert read(text)[0].length == 0.0


def test_a_measured_loss_of_a_path_through_the_air_wins() -> None:
    assert read(network("  - a -- b: {medium: free-space, total_loss: 21 dB}\n"))[0].total_loss == Decibels(21.0)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (
            "satellite: {first: 1 min}",
            "'satellite' is said of a link whose medium is 'fibre' (add 'medium: satellite')",
        ),
        ("medium: free-space, loss: 1 dB/km", "the air's attenuation follows from 'visibility' under 'free-space'"),
        (
            "medium: satellite, length: 500 km",
            "its loss changes during a pass: give 'altitude', 'closest' and 'farthest'",
        ),
        ("medium: satellite, satellite: {hight: 5 km}", "unknown key 'hight' in the passes of a satellite"),
        ("medium: satellite, satellite: {altitude: 5 km}", "'5 km' is out of range: write a length from 100 km"),
        ("medium: free-space, free-space: {sky: dusk}", "unknown sky 'dusk' (known: 'night', 'day')"),
        ("medium: free-space, free-space: {divergence: 10}", "'10' has no unit: an angle needs one of urad, mrad, rad"),
        ("medium: satelite", "unknown medium 'satelite' (did you mean 'satellite'?)"),
    ],
)
def test_a_mistake_tells_what_to_do(own: str, told: str) -> None:
    assert told in mistakes(network(f"  - a -- b: {{{own}}}\n"))


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("satellite: {closest: 300 km}", "closest 300 km is less than the altitude 500 km of the satellite"),
        ("satellite: {farthest: 4000 km}", "2573 km at which a satellite of 500 km touches the horizon"),
        ("satellite: {sky: day}", "of what is detected would be wrong, and above 11.0% there is no key"),
        ("satellite: {overcast: 1 h}", "clear and overcast: the sky is clear for less than 1% of the time"),
    ],
)
def test_what_physics_forbids_is_told_at_the_link(own: str, told: str) -> None:
    text = network(f"  - a -- b: {{device: satellite-decoy-bb84, medium: satellite, {own}}}\n")
    found = mistakes(text, known_with())
    assert found.startswith("t:6:5: ")
    assert told in found
