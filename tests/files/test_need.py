"""Need files: what a stakeholder wants, in numbers, with all that is wrong told at once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from ruamel.yaml import YAML

from keytwin.design.need import (
    ASKING,
    MEASURES,
    Case,
    Condition,
    Failure,
    Priority,
    Security,
    parse_supply,
    parse_threshold,
)
from keytwin.files.kinds import Json
from keytwin.files.library import Source, need_source, needs
from keytwin.files.need import check_need, read_need
from keytwin.files.need_file import CASE, parse_position, show_position
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.identity import NodeId, VariantId, VariationPointId
from tests.files.json_schema import offences

BANK = """format: 1
name: bank
stakeholder: A bank
sites:
  head: {at: 51.51 N 0.13 W}
  north:
  hut: {owner: Telco, endpoint: no, risk: 2 %}
lines:
  - head -- north: {length: 12 km, loss: 0.25 dB/km, extra: 1.5 dB}
  - north -- head/east: {length: 180 km, relays: Telco}
satellites:
  leo: {owner: Agency, passes: {altitude: 550 km, clear: 3 d, overcast: 1 d}, apart: 90 min}
needs:
  N1: {text: We need keys, priority: must, measure: key-rate, at-least: 2 kbit/s, under: cut(1 link)}
  N2: {text: Within budget, priority: should, measure: cost, at-most: 1.5 MEUR}
  N3: {text: A key a minute, priority: must, measure: key-rate, at-least: 256 bit every 1 min, between: [north -- head]}
choose: {medium: [terrestrial, satellite], protocol: bb84}
assume: {span: 60 km, risk: 1 %, devices: {protocol.bb84: generic-decoy-bb84}}
"""


def case(text: str = BANK) -> Case:
    return check_need(Source("need.yaml", text.encode())).value


def mistakes(text: str) -> list[str]:
    with pytest.raises(FileMistake) as caught:
        case(text)
    return str(caught.value).splitlines()


def test_a_need_is_text_measure_threshold_and_condition() -> None:
    first, second, third = case().needs
    assert (first.id, first.text, first.priority, first.measure) == ("N1", "We need keys", Priority.MUST, "key-rate")
    assert (first.threshold, first.written, first.under) == (2_000.0, "2 kbit/s", Condition(Failure.CUT, 1))
    assert (second.threshold, second.under) == (1.5e6, None)
    assert third.threshold == pytest.approx(256 / 60)
    assert third.between == ((NodeId("north"), NodeId("head")),)


def test_places_lines_and_satellites() -> None:
    bank = case()
    assert [site.is_own for site in bank.sites] == [True, True, False]
    assert bank.site(NodeId("hut")).risk == pytest.approx(0.02)
    near, far = bank.lines
    assert [near.relay_owner, far.relay_owner, far.name] == [None, "Telco", "east"]
    assert [near.loss, far.loss] == pytest.approx([4.5, 36.0])
    (leo,) = bank.satellites
    assert (leo.passes.altitude, leo.passes.overcast, leo.apart) == (550.0, 86_400 * 10**9, 5_400 * 10**9)


def test_choices_name_their_variation_point_once() -> None:
    both = (VariantId("medium.terrestrial"), VariantId("medium.satellite"))
    assert case().choose == {
        VariationPointId("medium"): both,
        VariationPointId("protocol"): (VariantId("protocol.bb84"),),
    }


def test_a_need_of_no_pair_is_one_of_all() -> None:
    first, _, third = case().needs
    assert case().pairs(first) == ((NodeId("head"), NodeId("north")),)
    assert case().pairs(third) == ((NodeId("north"), NodeId("head")),)


def test_a_need_that_nobody_can_measure_is_kept_and_warned_of() -> None:
    text = BANK.replace("choose:", "  N4: {text: It must feel safe, priority: must}\nchoose:")
    checked = check_need(Source("need.yaml", text.encode()))
    assert checked.value.needs[-1].measure == ""
    assert [str(each) for each in checked.warnings] == [
        "need.yaml:17:7: need N4 has no measure: it will be told as unverifiable"
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("51.51 N 0.13 W", "51.51 X 0.13 W", "5:14: '51.51 X 0.13 W' is no position: write degrees"),
        ("51.51 N 0.13 W", "91 N 0.13 W", "5:14: '91 N 0.13 W' lies on no globe"),
        ("head -- north:", "head -- nort:", "9:5: unknown site 'nort' (did you mean 'north'?)"),
        ("length: 12 km", "lenght: 12 km", "9:21: unknown key 'lenght' in a line (did you mean 'length'?)"),
        ("north -- head/east", "head -- north", "10:5: line 'head -- north' is there twice: name them"),
        ("measure: cost", "measure: costs", "15:56: unknown measure 'costs' (did you mean 'cost'?)"),
        ("at-most: 1.5 MEUR", "at-least: 1.5 MEUR", "15:72: 'cost' is good when it is small (write 'at-most')"),
        ("1.5 MEUR", "3 USD", "15:71: '3 USD' is no amount of money: write a number and one of EUR, kEUR, MEUR"),
        ("cut(1 link)", "cut(1 node)", "14:90: 'cut(1 node)': cut is said of a link: write cut(1 link)"),
        ("cut(1 link)", "cut(0 links)", "14:90: 'cut(0 links)': write a number of links from 1 to 8"),
        ("cut(1 link)", "burn(1 link)", "14:90: 'burn(1 link)' is no condition: write cut(1 link)"),
        (", at-most: 1.5 MEUR", "", "15:7: need N2 has no threshold (add 'at-most')"),
        ("measure: cost, ", "", "15:7: a threshold without a measure says nothing (add 'measure')"),
        ("under: cut(1 link)", "apps: 0", "0 is out of range: write a whole number from 1 to 1000"),
        ("at-most: 1.5 MEUR", "at-most: 1.5 MEUR, apps: 6", "'cost' asks for no key, so no number of apps can want as"),
        ("every 1 min", "every 1 day", "'1 day' has an unknown unit 'day'"),
        ("every 1 min", "every 0 s", "16:75: '256 bit every 0 s': a period of nothing would be endless key"),
        ("generic-decoy-bb84", "generic-decoy", "unknown device 'generic-decoy' (did you mean 'generic-decoy-bb84'?)"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(before: str, after: str, told: str) -> None:
    assert before in BANK
    found = mistakes(BANK.replace(before, after, 1))
    assert len(found) == 1
    assert told in found[0]


def test_sites_without_a_way_and_a_single_end_are_mistakes() -> None:
    lonely = BANK.replace("  north:\n", "  north:\n  lone:\n").replace("apart: 90 min", "sites: [head]")
    assert mistakes(lonely) == ["need.yaml:7:3: nothing leads to site 'lone' (add a line or a satellite over it)"]
    alone = BANK.replace("north:\n", "north: {endpoint: no}\n")
    assert (
        mistakes(alone) == ["need.yaml:4:1: keys are wanted at fewer than two sites (leave out 'endpoint: no')"]
        or "fewer than two sites" in mistakes(alone)[0]
    )


def test_a_measure_of_the_whole_has_no_pairs() -> None:
    text = BANK.replace("at-most: 1.5 MEUR", "at-most: 1.5 MEUR, between: [head -- north]")
    assert "'cost' is a measure of the whole, not of pairs (leave 'between' out)" in mistakes(text)[0]


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_reads_a_threshold_and_refuses_nonsense(name: str) -> None:
    example = {"count": "2", "money": "3 kEUR", "level": "hybrid", "rate": "1 kbit/s", "share": "2 %"}
    example |= {"duration": "5 s", "length": "20 km"}
    measure = MEASURES[name]
    assert parse_threshold(measure, example[measure.quantity]) > 0
    with pytest.raises(Mistake):
        parse_threshold(measure, "much")


def test_levels_of_security_are_an_order() -> None:
    assert Security.END_TO_END.reaches(Security.HYBRID)
    assert not Security.POST_QUANTUM.reaches(Security.TRUSTED_RELAYS)
    assert Security.HYBRID.reaches(Security.HYBRID)


@pytest.mark.parametrize("text", ["51.51 N 0.13 W", "33.9 S 151.2 E", "0 N 0 E"])
def test_positions_are_written_as_they_are_read(text: str) -> None:
    assert show_position(parse_position(text)) == text


def seen(text: str) -> Json:
    """Return a file as an editor's YAML parser sees it."""
    return cast(Json, YAML(typ="safe", pure=True).load(text))


def test_an_editor_accepts_by_the_schema_what_is_right_and_no_unknown_keys() -> None:
    assert list(offences(seen(BANK), CASE.schema())) == []
    for wrong in (BANK.replace("lenght", "x").replace("priority: should", "priority: shall"), BANK + "more: 1\n"):
        assert list(offences(seen(wrong), CASE.schema()))


def test_apps_want_as_much_each_and_one_is_usual() -> None:
    first, _, third = case(BANK.replace("under: cut(1 link)", "apps: 6")).needs
    assert (first.apps, first.threshold, first.demand) == (6, 2_000.0, 12_000.0)
    assert third.apps == 1
    assert third.demand == pytest.approx(256 / 60)
    assert case().needs[1].demand == 0.0, "money is no demand"


def test_traffic_under_a_one_time_pad_is_key_bit_for_bit() -> None:
    assert parse_supply("50 GB every 1 d") == pytest.approx(50 * 8e9 / 86_400)
    pad = BANK.replace(
        "measure: key-rate, at-least: 2 kbit/s, under: cut(1 link)", "measure: one-time-pad, at-least: 1 GB every 1 h"
    )
    assert case(pad).needs[0].demand == pytest.approx(8e9 / 3_600)
    assert {"key-rate", "one-time-pad"} == ASKING


@pytest.mark.parametrize("name", needs())
def test_every_need_of_the_library_is_without_mistakes_and_warnings(name: str) -> None:
    checked = check_need(need_source(name))
    assert checked.warnings == ()
    assert checked.value.name == name == read_need(name).name
    assert list(offences(seen(need_source(name).octets.decode()), CASE.schema())) == []


def test_a_need_is_found_by_name_by_path_and_beside_another_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(BANK, encoding="utf-8")
    assert read_need(str(tmp_path / "mine.yaml")) == read_need("mine.yaml", tmp_path) == case()
    with pytest.raises(Mistake, match=r"unknown need 'bank-rin' \(did you mean 'bank-ring'\?"):
        read_need("bank-rin")
    with pytest.raises(FileMistake, match=r"none\.yaml: there is no such file"):
        read_need("none.yaml", tmp_path)


def test_sites_may_move_and_belong_to_an_operator() -> None:
    text = BANK.replace("  north:\n", "  north: {domain: Nordnet}\n").replace(
        "  hut: {owner", "  ship: {moving: yes}\n  hut: {owner"
    )
    found = check_need(Source("need.yaml", text.encode())).value
    assert found.site(NodeId("ship")).is_moving
    assert found.site(NodeId("north")).domain == "Nordnet"
    assert not found.site(NodeId("north")).is_moving


def test_no_line_leads_to_what_moves() -> None:
    text = BANK.replace("  north:\n", "  north: {moving: yes}\n")
    with pytest.raises(FileMistake, match="line head--north leads to north, which moves"):
        check_need(Source("need.yaml", text.encode()))
