"""A path through the air: geometry, fog, turbulence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.quantum.free_space import FreeSpacePath, Regime, beam_spread, fog_attenuation, rytov_variance
from keytwin.quantum.schedule import Clouds
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import FreeSpace
from keytwin.vocabulary.units import Decibels, Kilometres, Metres, Nanometres, Radians, TurbulenceStrength, hours

CALM = TurbulenceStrength(0.0)
RED, TELECOM = Nanometres(850.0), Nanometres(1550.0)
VISIBILITIES = st.floats(0.01, 100)


def path(length: float = 10.0, **changes: object) -> FreeSpacePath:
    return FreeSpacePath(Kilometres(length), replace(FreeSpace(), **changes))


def test_what_the_receiver_catches_of_a_beam_that_widens() -> None:
    """(D_r / (D_t + theta L))^2: 20 cm of a beam of 10 cm + 50 urad x 10 km = 60 cm."""
    assert path(turbulence=CALM).geometric_loss == pytest.approx(9.5424, abs=1e-4)


def test_a_receiver_wider_than_the_beam_catches_all() -> None:
    assert path(0.1, turbulence=CALM, receiver=Metres(1.0)).geometric_loss == 0.0


def test_fog_by_kim() -> None:
    """Values that follow from 4.343 x 3.91 / V (lambda / 550 nm)^-q, with q of Kim, McArthur and Korevaar."""
    assert fog_attenuation(Kilometres(0.2), RED) == fog_attenuation(Kilometres(0.2), TELECOM)
    assert fog_attenuation(Kilometres(0.2), RED) == pytest.approx(84.9, abs=0.1)
    assert fog_attenuation(Kilometres(23.0), RED) == pytest.approx(0.4192, abs=1e-3)
    assert fog_attenuation(Kilometres(23.0), TELECOM) == pytest.approx(0.1919, abs=1e-3)


@pytest.mark.parametrize("edge", [0.5, 1.0])
def test_kim_s_exponent_has_no_steps_in_fog(edge: float) -> None:
    below, above = (fog_attenuation(Kilometres(edge * factor), RED) for factor in (1 - 1e-9, 1 + 1e-9))
    assert below == pytest.approx(above, rel=1e-6)


@given(VISIBILITIES, VISIBILITIES)
def test_the_thicker_the_fog_the_more_it_takes(one: float, other: float) -> None:
    thick, thin = sorted((one, other))
    assert fog_attenuation(Kilometres(thick), RED) >= fog_attenuation(Kilometres(thin), RED) > 0


@given(st.floats(0.1, 100), st.floats(0.1, 100))
def test_the_farther_the_more_is_lost(one: float, other: float) -> None:
    near, far = sorted((one, other))
    assert path(near).loss <= path(far).loss + 1e-9


def test_the_rytov_variance_and_its_regimes() -> None:
    assert rytov_variance(1e-15, [1.0, 2.0], RED) == pytest.approx([0.0402, 0.0402 * 2 ** (11 / 6)], rel=0.01)
    assert [path(length).regime for length in (1.0, 10.0, 50.0)] == [Regime.WEAK, Regime.MODERATE, Regime.STRONG]


def test_turbulence_widens_the_beam() -> None:
    calm, rough = path(turbulence=CALM), path(turbulence=TurbulenceStrength(1e-14))
    assert rough.geometric_loss > calm.geometric_loss
    assert beam_spread(0.0, 1e4, 0.3, RED) == 1


def test_a_measured_loss_wins() -> None:
    assert FreeSpacePath(Kilometres(10.0), FreeSpace(), Decibels(21.0)).loss == 21.0


def test_a_narrower_beam_reaches_farther() -> None:
    assert path(divergence=Radians(20e-6)).loss < path(divergence=Radians(50e-6)).loss


def test_clouds_make_a_schedule() -> None:
    assert path().schedule is None
    assert path(clear=hours(3), overcast=hours(1)).schedule == Clouds(hours(3), hours(1))
    with pytest.raises(Mistake, match="the sky is clear for less than"):
        path(overcast=hours(1))
