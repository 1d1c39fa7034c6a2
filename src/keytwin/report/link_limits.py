"""What limits a link: its rate with one thing ideal at a time, how far it reaches, and its rate over distance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from keytwin.network import Plugins
from keytwin.report.link import LinkRate, rate_of
from keytwin.report.link_analytic import endless_rates
from keytwin.report.link_subject import BLACK_BOX, Subject, subjects
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake, OutOfReach
from keytwin.vocabulary.medium import FIBRE, FREE_SPACE, SATELLITE, FreeSpace, Satellite
from keytwin.vocabulary.units import Decibels, Kilometres, Radiance

LONGER: Final = 1_000
"""How many times as long an ideal block or memory is."""
FARTHEST_KILOMETRES: Final = 1_000.0  # no rate there is of use
FARTHEST_DECIBELS: Final = 200.0
POINTS: Final = 41
_HALVINGS: Final = 5
_IDEALS: Final[tuple[tuple[str, str, float], ...]] = (
    ("dark counts", "dark_count", 0.0),
    ("dark counts", "dark_count_rate", 0.0),
    ("misalignment", "misalignment", 0.0),
    ("efficiency of detection", "detection_efficiency", 1.0),
    ("afterpulses", "afterpulse", 0.0),
    ("dead time", "dead_time", 0),
    ("error correction", "reconciliation", 1.0),
    ("error correction", "efficiency_of_reconciliation", 1.0),
    ("excess noise", "excess_noise", 0.0),
    ("electronic noise", "electronic_noise", 0.0),
    ("several photons in a pulse", "bunching", 0.0),
    ("visibility", "visibility", 1.0),
    ("fidelity of elementary pairs", "elementary_fidelity", 1.0),
    ("success of swapping", "swap_probability", 1.0),
)
"""What it is called, the parameter of a device file, its ideal value."""
_LOWEST: Final = 0.99  # of the slant range at which a pass begins: a pass that lasts
_LONGER: Final = (("block size", "block_time"), ("memory", "memory_time"))


@dataclass(frozen=True, slots=True)
class Limit:
    """What one thing costs."""

    what: str
    ideal: str
    """The value that it is set to."""
    rate_per_second: float | None
    """None = the model does not allow it."""
    gain: float | None
    """How many times as much key there would be."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What a link is made longer by: kilometres where the length or a pass tells the loss, decibels elsewhere."""

    name: str
    unit: str
    here: float
    at: Callable[[float], Subject]
    nearest: float = 0.0
    farthest: float = FARTHEST_KILOMETRES
    """Beyond it nothing is looked for."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One link: what it gives, what limits it, and how that goes with distance."""

    rate: LinkRate
    limits: tuple[Limit, ...]
    """The one that costs most comes first."""
    along: str
    """What `places` are: a length, a loss, or the slant range at the culmination of a pass."""
    unit: str
    """Of `reach` and of `places`: km or dB; nothing where the loss can't be chosen."""
    here: float
    """The place of the link itself."""
    reach: float | None
    """None = no end was found, or there is no distance to look along."""
    places: tuple[float, ...]
    curve: tuple[LinkRate, ...]
    """At `places`, from nothing, or the zenith, to the reach."""
    endless: tuple[float, ...]
    """Secret bits per pulse that endless blocks would give there; none where the model tells no pulses."""


def explain_link(
    what: str,
    link: str | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    plugins: Plugins | None = None,
) -> Explanation:
    """Return what limits one link, asked for as in `link_rate`; Mistake when several are meant, or it gives no key."""
    asked = subjects(what, link, settings, plugins)
    if len(asked) != 1:
        example = f", such as {asked[0].link.id}" if asked else ""
        raise Mistake(f"{what} has {len(asked)} links: name one{example}")
    return explain(asked[0])


def explain(subject: Subject) -> Explanation:
    """Return what limits a link; Mistake, with the physical reason, when it gives no key. It takes some seconds."""
    rate = rate_of(subject)
    axis = axis_of(subject)
    limits = sorted(_limits(subject, rate), key=lambda limit: -(limit.gain or 0.0))
    if axis is None:
        return Explanation(rate, tuple(limits), "", "", 0.0, None, (), (), ())
    reach = _reach(subject, axis)
    end = axis.farthest if reach is None else reach
    samples = [(place, found) for place in _places(axis.nearest, end) if (found := _rate_at(axis, place)) is not None]
    places, curve = zip(*samples, strict=True)
    endless = endless_rates(axis.at(place) for place in places)
    told = () if endless is None or endless.rate_per_pulse is None else tuple(endless.rate_per_pulse.tolist())
    return Explanation(rate, tuple(limits), axis.name, axis.unit, axis.here, reach, places, curve, told)


def axis_of(subject: Subject) -> Axis | None:
    """Return what the link is made longer by; None where its loss says nothing."""
    link = subject.link
    if subject.device.protocol == BLACK_BOX:
        return None
    if link.medium == SATELLITE:
        return _passes_of(subject)

    def at(place: float) -> Subject:
        values = {"length": Kilometres(place)} if is_long else {"total_loss": Decibels(place)}
        return dataclasses.replace(subject, link=msgspec.structs.replace(link, **values))

    is_long = link.medium in {FIBRE, FREE_SPACE} and link.length > 0 and link.total_loss is None
    if is_long:
        return Axis("length", "km", link.length, at)
    return Axis("loss of the channel", "dB", subject.channel.loss, at, farthest=FARTHEST_DECIBELS)


def _passes_of(subject: Subject) -> Axis:
    """Return lower and lower passes of a satellite: its orbit fixes all but how high it climbs."""
    setting = subject.link.setting if isinstance(subject.link.setting, Satellite) else Satellite()

    def at(place: float) -> Subject:
        lower = msgspec.structs.replace(setting, closest=Kilometres(place))
        return dataclasses.replace(subject, link=msgspec.structs.replace(subject.link, setting=lower))

    here = setting.altitude if setting.closest is None else setting.closest
    return Axis("slant range at culmination", "km", here, at, setting.altitude, _LOWEST * setting.farthest)


# --- one thing ideal at a time --------------------------------------------------------------------------------------


def _limits(subject: Subject, rate: LinkRate) -> Iterator[Limit]:
    for what, ideal, better in _better(subject):
        found = _rate_or_none(better)
        told = None if found is None else found.rate_per_second
        yield Limit(what, ideal, told, None if told is None else told / rate.rate_per_second)


def _better(subject: Subject) -> Iterator[tuple[str, str, Subject]]:
    """Give each thing that could be better, how, and the link where it is."""
    if subject.link.medium != SATELLITE and subject.channel.loss > 0:
        lossless = msgspec.structs.replace(subject.link, total_loss=Decibels(0.0))
        yield "loss of the channel", "0 dB", dataclasses.replace(subject, link=lossless)
    if subject.channel.background > 0:
        yield "foreign light", "none", _in_the_dark(subject)
    for what, name, ideal in _IDEALS:
        if getattr(subject.device, name, ideal) != ideal:
            yield what, f"{name} = {ideal:g}", _with_device(subject, name, ideal)
    schedule = subject.channel.schedule
    pooled = () if schedule is None or schedule.block_time is None else ("block_time",)  # a pass is the block
    for what, name in _LONGER:
        if hasattr(subject.device, name) and name not in pooled:
            yield what, f"{name} x {LONGER:,}", _with_device(subject, name, getattr(subject.device, name) * LONGER)


def _in_the_dark(subject: Subject) -> Subject:
    setting = subject.link.setting
    dark = (
        msgspec.structs.replace(setting, radiance=Radiance(0.0)) if isinstance(setting, FreeSpace | Satellite) else None
    )
    return dataclasses.replace(subject, link=msgspec.structs.replace(subject.link, setting=dark))


def _with_device(subject: Subject, name: str, value: float) -> Subject:
    make: Callable[..., Device] = dataclasses.replace  # that it has the field, no type says
    return dataclasses.replace(subject, device=make(subject.device, **{name: value}))


# --- over distance --------------------------------------------------------------------------------------------------


def _reach(subject: Subject, axis: Axis) -> float | None:
    """Return the longest link with key; None when there is key as far as anyone looks."""
    try:
        rate_of(axis.at(axis.farthest))
    except OutOfReach as far:
        per_unit = _decibels_per_unit(subject, axis)
        if far.reach is not None and per_unit:
            return max(axis.here, min(far.reach / per_unit, axis.farthest))
    except Mistake:  # the model does not cover so long a link
        pass
    else:
        return None
    return _searched(axis)


def _decibels_per_unit(subject: Subject, axis: Axis) -> float:
    """Return what a model's own reach is to be divided by; 0 where more than the loss changes with the length."""
    if axis.unit == "dB":
        return 1.0
    is_dark_fibre = subject.link.medium == FIBRE and subject.channel.background == 0
    return subject.link.attenuation if is_dark_fibre else 0.0


def _searched(axis: Axis) -> float:
    """Look for the reach from here outwards in growing steps, to three per cent; at the farthest place is no key.

    Each place without key takes a model long to be sure of.
    """
    near, step = axis.here, max(axis.here - axis.nearest, 1.0) / 4.0
    while near + step < axis.farthest and _rate_at(axis, near + step) is not None:
        near, step = near + step, 2.0 * step
    far = min(near + step, axis.farthest)
    for _ in range(_HALVINGS):
        middle = (near + far) / 2.0
        near, far = (middle, far) if _rate_at(axis, middle) is not None else (near, middle)
    return near


def _places(start: float, end: float) -> list[float]:
    return [start + (end - start) * index / (POINTS - 1) for index in range(POINTS)]


def _rate_at(axis: Axis, place: float) -> LinkRate | None:
    return _rate_or_none(axis.at(place))


def _rate_or_none(subject: Subject) -> LinkRate | None:
    try:
        return rate_of(subject)
    except Mistake:  # there is no key, or the model does not cover it
        return None
