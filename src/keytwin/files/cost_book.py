"""Cost books: prices as ranges with their sources, all of them assumptions; and the form in which they are written."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from keytwin.design.cost import CostBook, Price
from keytwin.design.need import parse_money
from keytwin.files.kinds import SOURCE, TEXT, Scalar, count, name
from keytwin.files.library import Source
from keytwin.files.nodes import place_of
from keytwin.files.page import Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.shapes import Entries, Field, FormatOne, Record
from keytwin.vocabulary.identity import parse_name

MOST_YEARS: Final = 50


class PriceLine(msgspec.Struct, frozen=True):
    """One price as it is written."""

    item: str
    least: float
    most: float
    source: str


class CostBookFile(msgspec.Struct, frozen=True):
    """A cost book as it is written."""

    name: str
    years: int
    prices: tuple[PriceLine, ...]
    about: str = ""
    format: int = 1


MONEY: Final = Scalar("an amount of money", parse_money, lambda value: f"{value:g} EUR", {"type": "string"})

PRICE: Final = Record(
    "a price",
    PriceLine,
    (
        Field("least", MONEY, "of one, when it comes cheap", required=True),
        Field("most", MONEY, "of one, when it comes dear", required=True),
        Field("source", SOURCE, "where the range comes from", required=True),
    ),
)

COST_BOOK: Final = Record(
    "a cost book",
    CostBookFile,
    (
        Field("format", FormatOne(), "the number of this format: 1", required=True),
        Field("name", name("a name", lambda text: parse_name(text, "a cost book")), "its name", required=True),
        Field("about", TEXT, "what it is and where it comes from"),
        Field("years", count(1, MOST_YEARS), "over which prices are meant", required=True),
        Field(
            "prices",
            Entries("price", lambda text: parse_name(text, "an item"), PRICE, attribute="item", least=1),
            "by item; `device-pair.<protocol>` wins over `device-pair`",
            required=True,
        ),
    ),
)


def cost_book_from(source: Source) -> CostBook:
    """Return the cost book that a file describes; FileMistake with all that is wrong in it."""
    page = Page(source.file)
    try:
        root = read_nodes(source.octets, page)
        file = COST_BOOK.read(root, page)
    except Unread:
        raise page.conclusion() from None
    # After everything is read: both ends of a range have to be there to be compared.
    for line in file.prices:
        if line.least > line.most:
            page.report(place_of(root, "prices", line.item), f"{line.item}: the least is more than the most")
    page.conclude()
    prices = {line.item: Price(line.least, line.most, line.source) for line in file.prices}
    return CostBook(file.name, file.about, file.years, MappingProxyType(prices))
