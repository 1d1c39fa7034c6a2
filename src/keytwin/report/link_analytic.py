"""What endless blocks of a link would give, over as many losses as are wanted at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from keytwin.network import Plugins
from keytwin.quantum.analytic import AnalyticRate, Channels
from keytwin.quantum.protocols import analytic_rate
from keytwin.report.link_subject import Subject, subjects
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import FIBRE


def analytic_rates(
    what: str,
    losses: npt.ArrayLike,
    link: str | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    plugins: Plugins | None = None,
) -> AnalyticRate:
    """Return what endless blocks would give over channels of `losses` decibels, as arrays of the shape of `losses`.

    `what`, `link` and `settings` are those of `link_rate`; foreign light is that of the link itself. Settings that the
    device leaves open are the best ones at each loss. Mistake when there is no formula, or the device is impossible.
    """
    asked = subjects(what, link, settings, plugins, is_placed=False)
    if len(asked) != 1:
        example = f", such as {asked[0].link.id}" if asked else ""
        raise Mistake(f"{what} has {len(asked)} links: name one{example}")
    (subject,) = asked
    decibels = np.asarray(losses, dtype=np.float64)
    if not (decibels >= 0).all():
        raise Mistake("losses must not be negative: they are decibels by which light gets weaker")
    attenuation = subject.link.attenuation if subject.link.medium == FIBRE else 0.0
    length = decibels / attenuation if attenuation else np.zeros_like(decibels)
    return _rates(subject, Channels.of(decibels, subject.channel.background, length))


def endless_rates(links: Iterable[Subject]) -> AnalyticRate | None:
    """Return what endless blocks would give on links that differ in their channels only; None without a formula."""
    every = list(links)
    if not every or every[0].protocol.analytic is None:
        return None
    channels = [each.channel for each in every]
    losses, background = [each.loss for each in channels], [each.background for each in channels]
    return _rates(every[0], Channels.of(losses, background, [each.link.length for each in every]))


def _rates(subject: Subject, channels: Channels) -> AnalyticRate:
    return analytic_rate(subject.device, channels, subject.link.medium, {subject.device.protocol: subject.protocol})
