"""The network of a verdict: its map, and its places and links in tables."""

from __future__ import annotations

from keytwin.assessment.answer import Answer, ChannelLine, PlaceLine
from keytwin.design.need import MEASURES
from keytwin.design.verdict import show_value
from keytwin.drawing.network_layout import Line, Place, PlaceKind
from keytwin.drawing.network_map import draw_network
from keytwin.drawing.theme import Theme
from keytwin.report.html_elements import Markup, counted, element, facts, folded, section, table
from keytwin.report.html_svg import inlined
from keytwin.report.html_wording import Names

FEW_ROWS = 12  # that are shown without asking, on paper too
SATELLITE = "satellite"


def network(answer: Answer, names: Names) -> Markup:
    """Return the map and the tables; nothing where there is no network."""
    if not answer.places:
        return Markup()
    return section(
        "network",
        "The network",
        element(
            "figure",
            inlined(network_svg(answer).encode(), "map-", f"Map of the network {answer.name}: {_in_words(answer)}"),
            element(
                "figcaption",
                f"{_in_words(answer)}. Beside each line: its length and the key it gives in the mean. Where no "
                "coordinates are known, places are put where the lines between them are short; distances on the "
                "picture then say nothing.",
            ),
        ),
        _places(answer, names),
        _channels(answer, names),
        _left_out(answer),
    )


def network_svg(answer: Answer) -> str:
    """Draw the map of an answer's network."""
    places = [Place(each.id, kind_of(each, answer.channels), each.owner, each.position) for each in answer.places]
    known = {each.id for each in places}
    # A verdict may have been written by hand: a link into nowhere is in the table, and not on the map.
    drawn = [each for each in answer.channels if known.issuperset(each.ends) and each.ends[0] != each.ends[1]]
    lines = [Line(each.id, each.ends, each.medium, each.length, each.rate) for each in drawn]
    return draw_network(places, lines, answer.name, Theme.LIGHT)


def kind_of(place: PlaceLine, channels: tuple[ChannelLine, ...]) -> PlaceKind:
    """Return what a place is; a satellite is what hangs on nothing but beams and wants no keys for itself."""
    if place.is_endpoint:
        return PlaceKind.SITE
    media = {each.medium for each in channels if place.id in each.ends}
    return PlaceKind.SATELLITE if media == {SATELLITE} and place.position is None else PlaceKind.RELAY


def _in_words(answer: Answer) -> str:
    kinds = [kind_of(each, answer.channels) for each in answer.places]
    some = [counted(kinds.count(kind), kind) for kind in PlaceKind if kind in kinds]
    return f"{', '.join(some)} and {counted(len(answer.channels), 'link')}"


def _places(answer: Answer, names: Names) -> Markup:
    rows = [
        (
            each.id,
            kind_of(each, answer.channels),
            each.owner or "own",
            "keys are wanted here" if each.is_endpoint else "passes keys on, and sees them",
            _because(names, each.variants, each.rules),
        )
        for each in answer.places
    ]
    heads = ("Place", "Kind", "Belongs to", "What for", "Because of")
    return folded(counted(len(rows), "place"), table("Places", heads, rows), is_open=len(rows) <= FEW_ROWS)


def _channels(answer: Answer, names: Names) -> Markup:
    rows = [
        (
            each.id,
            each.medium,
            f"{each.length:.4g} km" if each.length else "-",
            each.device,
            show_value(MEASURES["key-rate"], each.rate),
            _because(names, each.variants, each.rules),
        )
        for each in answer.channels
    ]
    heads = ("Link", "Medium", "Length", "Device", "Key, in the mean", "Because of")
    return folded(counted(len(rows), "link"), table("Links", heads, rows), is_open=len(rows) <= FEW_ROWS)


def _because(names: Names, variants: tuple[str, ...], rules: tuple[str, ...]) -> str:
    return "; ".join([*map(names.of, variants), *(f"rule {each}" for each in rules)]) or "the need names it"


def _left_out(answer: Answer) -> Markup:
    if not answer.left_out:
        return Markup()
    return element("div", element("h3", "What was left out"), facts(sorted(answer.left_out.items())))
