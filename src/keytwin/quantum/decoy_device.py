"""From a decoy BB84 device and a channel to the model of a link, or to the physical reason why there is none."""

from __future__ import annotations

from typing import Final

from keytwin.quantum.channel import Channel, transmittance
from keytwin.quantum.decoy_bb84 import Optics, Settings
from keytwin.quantum.decoy_link import DecoyLink
from keytwin.quantum.decoy_optimum import best_settings
from keytwin.quantum.finite_key import Distillation, Estimator
from keytwin.vocabulary.device import DecoyBb84Device, Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Decibels, in_seconds, show_duration

MOST_PULSES: Final = 10**15  # a block of 11 days at 1 GHz; counts stay exact as floats
QBER_LIMIT: Final = 0.11  # where 1 - 2 h(e) = 0 (Shor, Preskill, PRL 85 441)
USUAL_INTENSITY: Final = 0.48  # best of the GYS set (Ma, Qi, Zhao, Lo, PRA 72 012326)
_FARTHEST: Final = 100.0  # dB: no repeaterless link is longer
_HALVINGS: Final = 10  # a tenth of a decibel


def decoy_link(device: Device, channel: Channel) -> DecoyLink:
    """Return the model of a link with decoy BB84; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, DecoyBb84Device)
    _check(device)
    link = _link_at(device, channel.loss)
    if not _gives_key(link):
        raise Mistake(_why_no_key(device, channel.loss, link))
    return link


def _link_at(device: DecoyBb84Device, loss: Decibels) -> DecoyLink:
    optics = Optics(
        transmittance=device.detection_efficiency * float(transmittance(loss)),
        dark_count=device.dark_count,
        afterpulse=device.afterpulse,
        misalignment=device.misalignment,
        dead_gates=device.clock * in_seconds(device.dead_time),
    )
    distillation = Distillation(device.secrecy, device.correctness, device.reconciliation)
    pulses = round(device.clock * in_seconds(device.block_time))
    settings = _fixed_settings(device) or best_settings(optics, distillation, device.vacuum_intensity, pulses)
    return DecoyLink(optics, Estimator(settings, distillation), pulses, device.block_time)


def _gives_key(link: DecoyLink) -> bool:
    mean, _ = link.outlook()
    return mean > 0


# --- what is wrong with a device ------------------------------------------------------------------------------------


def _check(device: DecoyBb84Device) -> None:
    """Refuse what no hardware can be."""
    pulses = device.clock * in_seconds(device.block_time)
    epsilons = (device.secrecy, device.correctness)
    rules = (
        (1 <= pulses <= MOST_PULSES, f"clock x block_time = {pulses:.3g} pulses: give 1 to {MOST_PULSES:.0e}"),
        (device.detection_efficiency > 0, "detection_efficiency must be above 0"),
        (max(device.dark_count, device.misalignment) <= 0.5, "dark_count and misalignment must not exceed 0.5"),
        (device.reconciliation >= 1, "reconciliation below 1 would beat Shannon's limit; 1.05 to 1.3 are usual"),
        (all(0 < each < 1 for each in epsilons), "secrecy and correctness must be above 0 and below 1"),
    )
    _refuse_broken(device, rules)


def _refuse_broken(device: Device, rules: tuple[tuple[bool, str], ...]) -> None:
    broken = [rule for holds, rule in rules if not holds]
    if broken:
        raise Mistake(f"device {device.name}: {'; '.join(broken)}")


def _fixed_settings(device: DecoyBb84Device) -> Settings | None:
    """Return the settings that the device file gives; None when it leaves them to be computed for each link."""
    given = (
        device.signal_intensity,
        device.decoy_intensity,
        device.signal_share,
        device.decoy_share,
        device.key_basis_share,
    )
    if all(value is None for value in given):
        return None
    numbers = [value for value in given if value is not None]
    together = "give signal_intensity, decoy_intensity, signal_share, decoy_share and key_basis_share together, or none"
    _refuse_broken(device, ((len(numbers) == len(given), together),))
    signal, decoy, first, second, basis = numbers
    vacuum = device.vacuum_intensity
    rules = (
        (vacuum < decoy, "decoy_intensity must be above vacuum_intensity"),
        (decoy + vacuum < signal, "signal_intensity must be above decoy_intensity + vacuum_intensity"),
        (min(first, second, 1 - first - second) > 0, "signal_share and decoy_share must leave some for the vacuum"),
        (0 < basis < 1, "key_basis_share must be above 0 and below 1: the other basis finds the eavesdropper"),
    )
    _refuse_broken(device, rules)
    return Settings((signal, decoy, vacuum), (first, second, 1 - first - second), basis)


# --- why a link gives no key ----------------------------------------------------------------------------------------


def _why_no_key(device: DecoyBb84Device, loss: Decibels, link: DecoyLink) -> str:
    click, wrong = link.optics.answer(device.signal_intensity or USUAL_INTENSITY)
    if wrong > QBER_LIMIT * click:
        reason = f"{wrong / click:.0%} of what is detected would be wrong, and above {QBER_LIMIT:.0%} BB84 gives no key"
    else:
        reason = (
            f"a block of {show_duration(link.block_time)} would hold about {_two_digits(link.pulses * click)} "
            "detections, too few to bound what an eavesdropper knows"
        )
    return f"device {device.name} gives no key at {loss:.1f} dB: {reason}; {_remedy(device)}"


def _remedy(device: DecoyBb84Device) -> str:
    if not _gives_key(_link_at(device, Decibels(0.0))):
        return "not even without any loss: change the device"
    near, far = 0.0, _FARTHEST
    for _ in range(_HALVINGS):
        middle = (near + far) / 2.0
        near, far = (middle, far) if _gives_key(_link_at(device, Decibels(middle))) else (near, middle)
    return f"it reaches {near:.1f} dB: shorten the link, or take another device"


def _two_digits(count: float) -> str:
    return f"{float(f'{count:.2g}'):,.0f}"
