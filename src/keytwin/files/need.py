"""Needs: a file to a `Case`. Checks that need more than one place of the file are here."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from keytwin.design.need import ASKING, MEASURES, Case, Measure, Need, Sense, parse_condition, parse_threshold
from keytwin.files.kinds import names_from
from keytwin.files.library import Source, device_names, need_source
from keytwin.files.need_file import CASE, NeedFile, NeedLine
from keytwin.files.nodes import Node, find, place_of
from keytwin.files.page import Checked, Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.vocabulary.identity import VariantId, VariationPointId


def read_need(where: str, beside: Path | None = None) -> Case:
    """Return a need, by name in the library or by path; Mistake when there is none, FileMistake when wrong."""
    return check_need(need_source(where, beside)).value


def check_need(source: Source) -> Checked[Case]:
    """Return the need that a file describes, with the warnings; FileMistake with all that is wrong in it."""
    page = Page(source.file, folders={source.file: source.folder})
    # Lines declare themselves while they are read; a name that comes twice is found there.
    page.names |= {"device": names_from(device_names()), "measure": names_from(MEASURES), "line": {}}
    try:
        root = read_nodes(source.octets, page)
        case = _case(CASE.read(root, page), root, page)
    except Unread:
        raise page.conclusion() from None
    page.conclude()
    return Checked(case, page.sorted_warnings())


def _case(file: NeedFile, root: Node, page: Page) -> Case:
    needs = tuple(need for line in file.needs if (need := _need(line, root, page)) is not None)
    _check_places(file, root, page)
    choose = {
        VariationPointId(point): tuple(VariantId(f"{point}.{word}") for word in words)
        for point, words in file.choose.items()
    }
    return Case(
        name=file.name,
        stakeholder=file.stakeholder,
        about=file.about,
        sites=file.sites,
        lines=file.lines,
        satellites=file.satellites,
        needs=needs,
        choose=MappingProxyType(choose),
        assume=file.assume,
    )


def _need(line: NeedLine, root: Node, page: Page) -> Need | None:
    """Return a need with its threshold read; None when something is wrong with it, which has been reported."""
    measure = MEASURES.get(line.measure)
    threshold = _threshold(line, measure, root, page) if measure else 0.0
    # A measure that was misspelt has been told already, and its threshold says something after all.
    if find(root, "needs", line.id, "measure") is None:
        _tell_missing_measure(line, root, page)
    if measure is not None and line.between and not measure.is_of_pairs:
        page.report(
            place_of(root, "needs", line.id, "between"),
            f"{measure.name!r} is a measure of the whole, not of pairs",
            "leave 'between' out",
        )
    if measure is not None and line.apps > 1 and measure.name not in ASKING:
        told = f"{measure.name!r} asks for no key, so no number of apps can want as much each"
        page.report(
            place_of(root, "needs", line.id, "apps"), told, f"leave 'apps' out: {' or '.join(sorted(ASKING))} take it"
        )
    if threshold is None:
        return None
    return Need(
        id=line.id,
        text=line.text,
        priority=line.priority,
        measure=line.measure,
        threshold=threshold,
        written=line.at_least or line.at_most,
        between=line.between,
        apps=line.apps,
        under=parse_condition(line.under) if line.under else None,
    )


def _tell_missing_measure(line: NeedLine, root: Node, page: Page) -> None:
    place = place_of(root, "needs", line.id)
    if line.at_least or line.at_most:
        page.report(place, "a threshold without a measure says nothing", "add 'measure'")
    else:
        page.warn(place, f"need {line.id} has no measure: it will be told as unverifiable")


def _threshold(line: NeedLine, measure: Measure, root: Node, page: Page) -> float | None:
    wanted, other = ("at-least", "at-most") if measure.sense is Sense.AT_LEAST else ("at-most", "at-least")
    said = {"at-least": line.at_least, "at-most": line.at_most}
    if said[other]:
        page.report(
            place_of(root, "needs", line.id, other),
            f"{measure.name!r} is good when it is {'large' if wanted == 'at-least' else 'small'}",
            f"write {wanted!r}",
        )
        return None
    if not said[wanted]:
        page.report(place_of(root, "needs", line.id), f"need {line.id} has no threshold", f"add {wanted!r}")
        return None
    # Read once more, for its place: what is wrong with a threshold only its measure knows.
    found = page.text(_node(root, line, wanted), "a threshold")
    try:
        return page.parsed(lambda text: parse_threshold(measure, text), found)
    except Unread:
        return None


def _node(root: Node, line: NeedLine, key: str) -> Node:
    found = find(root, "needs", line.id, key)
    assert found is not None
    return found


def _check_places(file: NeedFile, root: Node, page: Page) -> None:
    """Report sites where keys are wanted and nothing leads to, and cases without two such sites."""
    ends = [site.id for site in file.sites if site.is_endpoint]
    if len(ends) < 2:
        page.report(place_of(root, "sites"), "keys are wanted at fewer than two sites", "leave out 'endpoint: no'")
    _check_moving(file, root, page)
    reached = {end for line in file.lines for end in line.ends}
    # A satellite without a list passes every site that wants keys.
    reached |= {site for each in file.satellites for site in (each.sites or ends)}
    for site in ends:
        if site not in reached:
            page.report(
                place_of(root, "sites", site), f"nothing leads to site {site!r}", "add a line or a satellite over it"
            )


def _check_moving(file: NeedFile, root: Node, page: Page) -> None:
    """Report lines to sites that move."""
    moving = {site.id for site in file.sites if site.is_moving}
    for line in file.lines:
        for end in sorted(moving & set(line.ends)):
            page.report(place_of(root, "sites", end, "moving"), f"line {line.channel} leads to {end}, which moves")
