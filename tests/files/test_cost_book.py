"""Cost books: ranges with sources, and nothing without one."""

from __future__ import annotations

import pytest

from keytwin.design.cost import CostBook
from keytwin.files.cost_book import cost_book_from
from keytwin.files.library import Source, cost_book_names, cost_book_source
from keytwin.vocabulary.errors import FileMistake, Mistake

BOOK = """format: 1
name: mine
years: 5
prices:
  device-pair: {least: 100 kEUR, most: 0.2 MEUR, source: an offer}
  device-pair.mdi: {least: 1 EUR, most: 2 EUR, source: a guess}
"""


def book(text: str = BOOK) -> CostBook:
    return cost_book_from(Source("costs.yaml", text.encode()))


def test_prices_are_ranges_and_the_special_one_wins() -> None:
    mine = book()
    assert (mine.name, mine.years) == ("mine", 5)
    assert (mine.price("device-pair.bb84").least, mine.price("device-pair.bb84").most) == (1e5, 2e5)
    assert mine.price("device-pair.mdi").most == 2.0
    with pytest.raises(Mistake, match="cost book mine has no price for 'fibre-kilometre': add one under prices"):
        mine.price("fibre-kilometre")


@pytest.mark.parametrize("name", cost_book_names())
def test_every_price_of_the_library_says_that_it_is_assumed(name: str) -> None:
    shipped = cost_book_from(cost_book_source(name))
    assert shipped.name == name
    assert all(price.source.startswith("Assumed: ") for price in shipped.prices.values())
    assert all(price.least < price.most for price in shipped.prices.values())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("least: 100 kEUR", "least: 300 kEUR", "costs.yaml:5:16: device-pair: the least is more than the most"),
        ("100 kEUR", "100 k$", "costs.yaml:5:24: '100 k$' is no amount of money"),
        ("source: an offer", "sauce: an offer", "unknown key 'sauce' in a price (did you mean 'source'?)"),
        ("an offer", '""', "a number without a source is a guess"),
        ("years: 5", "years: 0", "costs.yaml:3:8: 0 is out of range"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(before: str, after: str, told: str) -> None:
    with pytest.raises(FileMistake) as caught:
        book(BOOK.replace(before, after))
    assert told in str(caught.value)


def test_an_unknown_book_is_told_with_those_there_are() -> None:
    with pytest.raises(Mistake, match=r"unknown cost book 'assume' \(did you mean 'assumed'\?"):
        cost_book_source("assume")
