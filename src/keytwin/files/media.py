"""What may be said of the medium of a link, beside length and loss: one mapping for each medium, under its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias, cast

import msgspec

from keytwin.files.kinds import (
    ANGLE,
    BEARABLE_LOSS,
    DURATION,
    LENGTH,
    LONGEST,
    NUMBER,
    POWER,
    RADIANCE,
    SHARE,
    SOME_TIME,
    TURBULENCE,
    WAVELENGTH,
    WIDTH,
    Plain,
    Scalar,
    Schema,
    choice,
    count,
    within,
)
from keytwin.files.nodes import Node
from keytwin.files.page import Page
from keytwin.files.shapes import Field, Record
from keytwin.vocabulary.medium import (
    FIBRE,
    FREE_SPACE,
    SATELLITE,
    Coexistence,
    Direction,
    FreeSpace,
    Satellite,
    Setting,
    Sky,
)
from keytwin.vocabulary.units import (
    Duration,
    Kilometres,
    Metres,
    Nanometres,
    Radiance,
    Radians,
    TurbulenceStrength,
    Watts,
)

Said: TypeAlias = Mapping[str, object]
"""What a file says of a medium, by attribute; the rest comes from the defaults."""

MOST_CHANNELS: Final = 1_000
_ALTITUDE: Final = within(LENGTH, Kilometres(100.0), Kilometres(50_000.0))
_WIDTH: Final = within(WIDTH, Metres(0.001), Metres(100.0))
_ANGLE: Final = within(ANGLE, Radians(1e-9), Radians(1.0))
_JITTER: Final = within(ANGLE, Radians(0.0), Radians(1.0))
_COLOUR: Final = within(WAVELENGTH, Nanometres(100.0), Nanometres(20_000.0))
_FILTER: Final = within(WAVELENGTH, Nanometres(0.0), Nanometres(1_000.0))
_POWER: Final = within(POWER, Watts(0.0), Watts(10.0))
_RADIANCE: Final = within(RADIANCE, Radiance(0.0), Radiance(1e3))
_TURBULENCE: Final = within(TURBULENCE, TurbulenceStrength(0.0), TurbulenceStrength(1e-10))
_VISIBILITY: Final = within(LENGTH, Kilometres(0.01), Kilometres(1_000.0))
_START: Final = within(DURATION, Duration(0), LONGEST)


@dataclass(frozen=True, slots=True)
class Medium:
    """The mapping of one medium; it keeps what is said apart from the defaults, so that a link can add to it."""

    make: Callable[..., Setting]
    record: Record[Setting]

    def read(self, node: Node, page: Page) -> Said:
        """Read what is said."""
        said: Record[dict[str, object]] = Record(self.record.what, dict, self.record.fields)
        return said.read(node, page)

    def schema(self) -> Schema:
        """Describe the mapping."""
        return self.record.schema()

    def write(self, value: object) -> Plain:
        """Write what is said."""
        return self.record.write(self.make(**cast(Said, value)))


def said_of(setting: Setting | None) -> Said:
    """Return what of a setting differs from the defaults."""
    if setting is None:
        return {}
    fields = msgspec.structs.fields(setting)
    return {each.name: getattr(setting, each.name) for each in fields if getattr(setting, each.name) != each.default}


def _clouds() -> tuple[Field, ...]:
    return (
        Field("clear", DURATION, "mean time from the end of a cloud to the next one"),
        Field("overcast", DURATION, "mean time that a cloud stays and no light passes; no clouds if left out"),
    )


def _view() -> tuple[Field, ...]:
    return (
        Field("optics", BEARABLE_LOSS, "the loss in both telescopes and the coupling"),
        Field("sky", choice("sky", Sky), "what the receiver sees behind the sender"),
        Field("radiance", _RADIANCE, "the measured brightness of it; it wins over `sky`"),
        Field("field_of_view", _ANGLE, "of the receiver, full angle"),
        *_opening(),
    )


def _opening() -> tuple[Field, ...]:
    return (
        Field("filter", _FILTER, "the width of the filter before the detectors"),
        Field("window", SHARE, "the share of the time in which the detectors look"),
    )


def _beam(wide: Scalar[Radians]) -> tuple[Field, ...]:
    return (
        Field("transmitter", _WIDTH, "the width of the sending telescope"),
        Field("receiver", _WIDTH, "the width of the receiving telescope"),
        Field("divergence", wide, "of the beam, full angle"),
        Field("wavelength", _COLOUR, "of the quantum signal"),
    )


_COEXISTENCE: Final[Record[Setting]] = Record(
    "the classical channels in a fibre",
    Coexistence,
    (
        Field("copropagating", count(0, MOST_CHANNELS), "channels that go along with the quantum one"),
        Field("counterpropagating", count(0, MOST_CHANNELS), "channels that go against it"),
        Field("power", _POWER, "what each of them launches"),
        Field("wavelength", _COLOUR, "of the quantum channel, and nearly that of the others"),
        Field("raman", NUMBER, "share of their light that is scattered, per km and nm"),
        *_opening(),
    ),
)
_FREE_SPACE: Final[Record[Setting]] = Record(
    "the air between two telescopes",
    FreeSpace,
    (
        *_beam(_ANGLE),
        Field("visibility", _VISIBILITY, "the meteorological range: 23 km is clear, below 1 km is fog"),
        Field("turbulence", _TURBULENCE, "the structure constant Cn2 of the air"),
        *_view(),
        *_clouds(),
    ),
)
_SATELLITE: Final[Record[Setting]] = Record(
    "the passes of a satellite",
    Satellite,
    (
        Field("direction", choice("direction", Direction), "which way the quantum signal goes"),
        Field("altitude", _ALTITUDE, "of the circular orbit"),
        Field("closest", _ALTITUDE, "slant range at culmination; overhead if left out"),
        Field("farthest", _ALTITUDE, "slant range at which a pass begins and ends"),
        Field("first", _START, "from the start of the run to the first pass; live, from midnight UTC"),
        Field("period", SOME_TIME, "from one usable pass to the next"),
        *_beam(_ANGLE),
        Field("pointing", _JITTER, "standard deviation of the pointing"),
        Field("zenith_loss", BEARABLE_LOSS, "what the air takes straight up"),
        Field("coherence", _WIDTH, "Fried's parameter straight up; it widens the beam of an uplink"),
        *_view(),
        *_clouds(),
    ),
)
SETTINGS: Final[Mapping[str, Medium]] = MappingProxyType(
    {
        FIBRE: Medium(Coexistence, _COEXISTENCE),
        FREE_SPACE: Medium(FreeSpace, _FREE_SPACE),
        SATELLITE: Medium(Satellite, _SATELLITE),
    }
)
"""By the name of the medium."""
