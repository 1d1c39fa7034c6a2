"""What one link is expected to give, beside the bounds that no protocol of its kind passes: numbers to hold to a paper.

Where a model does not tell a value it is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keytwin.network import Plugins
from keytwin.quantum.channel import plob_bound, single_repeater_bound, tgw_bound, transmittance
from keytwin.quantum.link import LinkModel, PerPulse
from keytwin.quantum.scheduled_link import ScheduledLink
from keytwin.report.link_subject import Subject, subjects
from keytwin.vocabulary.identity import LinkId
from keytwin.vocabulary.units import Decibels, Duration, Kilometres, in_seconds


@dataclass(frozen=True, slots=True)
class Bounds:
    """Capacities of a channel in bit a pulse; infinity where no light is lost."""

    plob: float
    """Of any protocol without a repeater: Pirandola, Laurenza, Ottaviani, Banchi, Nat. Commun. 8 15043."""
    tgw: float
    """The older, looser one: Takeoka, Guha, Wilde, Nat. Commun. 5 5235."""
    single_repeater: float
    """With one repeater in the middle, so of twin-field protocols too: Pirandola, Commun. Phys. 2 51."""


@dataclass(frozen=True, slots=True)
class LinkRate:
    """One link; rates are means over blocks of its own size, with failed blocks counted as nothing."""

    link: LinkId
    device: str
    protocol: str
    medium: str
    length: Kilometres
    """0 where only the loss is known."""
    loss: Decibels
    """Of the channel alone; over a satellite, of the mean transmittance of a pass."""
    transmittance: float
    gain: float | None
    """Detections per signal pulse, Q of the papers; None = not told by this model."""
    error_rate: float
    """Of the sifted key; of continuous variables that which BB84 would show under the same interception."""
    sifted: float | None
    """Sifted bits per pulse, all settings of the sender together; None = not told by this model."""
    secret_fraction: float | None
    """Secret bits per sifted bit; None = not told by this model."""
    rate_per_pulse: float | None
    """Secret bits per pulse, pulse pair or symbol, while light passes; None = not told by this model."""
    rate_per_second: float
    """Secret bits per second, dark times of a schedule counted in."""
    bounds: Bounds
    block_time: Duration
    proof: str
    """How much of an eavesdropper's power is covered."""
    readiness: int
    """Technology readiness level, 1 to 9."""
    threats: tuple[str, ...]
    """Attacks that the protocol by itself excludes."""
    is_repeaterless: bool
    """Whether the rate per pulse cannot pass the PLOB bound."""
    sources: Mapping[str, str]


def link_rate(
    what: str,
    link: str | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    plugins: Plugins | None = None,
) -> tuple[LinkRate, ...]:
    """Return what the links of a network give, or only `link` (`a--b`) of it, or a device of the library or a file.

    `settings` are laid over as in a file, such as `{"length": "50 km", "dark_count": "1e-7"}`. Mistake when something
    is not there or written wrongly, and with the physical reason when there is no key.
    """
    return tuple(rate_of(each) for each in subjects(what, link, settings, plugins))


def rate_of(subject: Subject) -> LinkRate:
    """Return what one link gives; Mistake, with the physical reason, when it gives no key."""
    model, channel, traits = subject.model(), subject.channel, subject.protocol.traits
    expected, told = model.rate(), model.per_pulse()
    per_pulse = _per_pulse(model, told)
    return LinkRate(
        link=subject.link.id,
        device=str(subject.device.name),
        protocol=subject.device.protocol,
        medium=channel.medium,
        length=subject.link.length,
        loss=channel.loss,
        transmittance=float(transmittance(channel.loss)),
        gain=told.gain,
        error_rate=expected.qber,
        sifted=told.sifted,
        secret_fraction=None if per_pulse is None or not told.sifted else per_pulse / told.sifted,
        rate_per_pulse=per_pulse,
        rate_per_second=expected.secret,
        bounds=bounds_at(channel.loss),
        block_time=model.block_time,
        proof=traits.proof.value,
        readiness=traits.trl,
        threats=traits.threats,
        is_repeaterless=traits.is_repeaterless,
        sources=dict(traits.sources),
    )


def bounds_at(loss: Decibels) -> Bounds:
    """Return the bounds of a channel."""
    eta = transmittance(loss)
    return Bounds(float(plob_bound(eta)), float(tgw_bound(eta)), float(single_repeater_bound(eta)))


def _per_pulse(model: LinkModel, told: PerPulse) -> float | None:
    """Return the secret bits per pulse while light passes."""
    lit = model.model if isinstance(model, ScheduledLink) else model
    return lit.rate().secret * in_seconds(lit.block_time) / told.pulses if told.pulses else None
