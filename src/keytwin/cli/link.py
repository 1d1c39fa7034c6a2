"""`keytwin link rate` and `keytwin link explain`: what a link gives, and what limits it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isinf
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.output import show, show_json, suggest
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import show_duration

if TYPE_CHECKING:
    from keytwin.report.link import LinkRate
    from keytwin.report.link_limits import Explanation

NOT_TOLD: Final = "not told by this model"

link = App(name="link", help="What a link gives, and what limits it.")


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be other than the file says."""

    length: Annotated[str | None, Parameter(help="The length of the channel, such as 50km.")] = None
    loss: Annotated[str | None, Parameter(help="Its measured loss, such as 10dB; it wins over a length.")] = None
    settings: Annotated[
        tuple[str, ...],
        Parameter(name="--set", help="KEY=VALUE: any parameter of device, channel and medium; may be repeated."),
    ] = ()

    def by_key(self) -> dict[str, str]:
        """Return all of them; Mistake when one has no value or comes twice."""
        pairs = self._options()
        for each in self.settings:
            key, equals, value = each.partition("=")
            if not equals:
                raise Mistake(f"--set {each}: write KEY=VALUE, such as --set dark_count=1e-6")
            pairs.append((key.strip(), value.strip()))
        keys = [key for key, _ in pairs]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise Mistake(f"{twice} is set more than once: give it once")
        return dict(pairs)

    def again(self) -> str:
        """Return what to type for the same."""
        words = [f" --{key} {quote(value)}" for key, value in self._options()]
        return "".join([*words, *(f" --set {quote(each)}" for each in self.settings)])

    def _options(self) -> list[tuple[str, str]]:
        return [(key, value) for key, value in (("length", self.length), ("loss", self.loss)) if value is not None]


AS_IT_IS: Final = Changes()


@link.command
def rate(
    what: str,
    name: str | None = None,
    /,
    *,
    changes: Changes = AS_IT_IS,
    json: bool = False,
) -> None:
    """Tell gain, error rate, secret fraction and rates of a link, beside the bounds of its channel.

    Parameters
    ----------
    what
        A network, scenario or device: its name in the library, or the path of its file.
    name
        The link of the network, such as km0--km1; without it all links are told.
    json
        Print the values as JSON, and nothing else.
    """
    from keytwin.report.link import link_rate

    found = link_rate(what, name, settings=changes.by_key())
    if json:
        show_json(found)
        return
    if len(found) == 1:
        show(_told(found[0]))
    else:
        show(_compared(found))
    chosen = f"{quote(what)} {found[0].link}" if name or len(found) > 1 else quote(what)
    suggest((f"keytwin link explain {chosen}{changes.again()}", "what limits it"))


@link.command
def explain(
    what: str,
    name: str | None = None,
    /,
    *,
    changes: Changes = AS_IT_IS,
    figure: Path | None = None,
    json: bool = False,
) -> None:
    """Tell what limits a link: how much more key there would be if one thing were ideal.

    Parameters
    ----------
    what
        A network, scenario or device: its name in the library, or the path of its file.
    name
        The link of the network, such as km0--km1; a network with one link needs none.
    figure
        Draw rate and QBER over distance, with the bounds, as SVG; its name ends in .svg.
    json
        Print limits, reach and curve as JSON, and nothing else.
    """
    from keytwin.report.link_limits import explain_link
    from keytwin.report.link_svg import link_as_svg
    from keytwin.report.outputs import check_outputs

    check_outputs(what, None, figure)
    found = explain_link(what, name, settings=changes.by_key())
    if figure:
        figure.write_bytes(link_as_svg(found, found.rate.link))
    if json:
        show_json(found)
        return
    show(_limits(found), _reach(found), *([f"drawn in {figure}"] if figure else []))


# --- for people -----------------------------------------------------------------------------------------------------


def _told(rate: LinkRate) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    for row in _rows(rate):
        table.add_row(*row)
    return table


def _rows(rate: LinkRate) -> Iterator[tuple[str, str]]:
    long = f"{rate.length:g} km, " if rate.length else ""
    yield "link", f"{rate.link}: {rate.device} ({rate.protocol})"
    yield "channel", f"{rate.medium}, {long}{rate.loss:.4g} dB: {_number(rate.transmittance)} of the light arrives"
    yield "gain", _number(rate.gain, "per signal pulse")
    yield "error rate", f"{rate.error_rate:.4%}"
    yield "sifted", _number(rate.sifted, "bit/pulse")
    yield "secret fraction", _number(rate.secret_fraction, "of the sifted bits")
    yield "rate", _number(rate.rate_per_pulse, "bit/pulse")
    yield "", _number(rate.rate_per_second, "bit/s")
    yield "PLOB bound", _number(rate.bounds.plob, "bit/pulse")
    yield "TGW bound", _number(rate.bounds.tgw, "bit/pulse")
    yield "single repeater", _number(rate.bounds.single_repeater, "bit/pulse")
    yield "block", show_duration(rate.block_time)
    yield "proof", rate.proof
    yield "excludes", ", ".join(rate.threats) or "no attack by itself"
    yield "readiness", f"level {rate.readiness} of 9"


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return NOT_TOLD
    return "none: no light is lost" if isinf(value) else f"{value:.5g} {unit}".rstrip()


def _compared(rates: Sequence[LinkRate]) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("link", overflow="fold")
    table.add_column("device", overflow="fold")
    for title in ("dB", "QBER", "bit/s", "bit/pulse", "PLOB"):
        table.add_column(title, justify="right")
    for each in rates:
        per_pulse = "-" if each.rate_per_pulse is None else _number(each.rate_per_pulse)
        numbers = (f"{each.loss:.4g}", f"{each.error_rate:.2%}", _number(each.rate_per_second), per_pulse)
        table.add_row(str(each.link), each.device, *numbers, f"{each.bounds.plob:.4g}")
    return table


def _limits(found: Explanation) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in ("if ideal", "that is", "bit/s", "times as much key"):
        table.add_column(title, justify="right" if title in {"bit/s", "times as much key"} else "left")
    table.add_row("nothing", "as it is", _number(found.rate.rate_per_second), "1.000")
    for each in found.limits:
        times = "not possible" if each.gain is None else f"{each.gain:.3f}"
        table.add_row(each.what, each.ideal, "-" if each.gain is None else _number(each.rate_per_second), times)
    return table


def _reach(found: Explanation) -> str:
    if not found.unit:
        return "reach: its loss is not chosen"
    return f"reach: {'no end was found' if found.reach is None else f'{found.reach:.3g} {found.unit}'}"
