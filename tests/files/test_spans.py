"""Links cut into spans by trusted nodes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.files.hub import Cable, Site, SiteId
from keytwin.files.site_names import name_sites
from keytwin.files.spans import CutLink, cut_links, spans_needed
from keytwin.vocabulary.identity import NodeId, link_ends, parse_link
from keytwin.vocabulary.units import Kilometres

NAMES: dict[SiteId, NodeId] = {0: NodeId("Berlin"), 1: NodeId("Hamburg"), 2: NodeId("Kiel")}
CABLES = st.lists(st.builds(Cable, st.integers(0, 3), st.integers(0, 3), st.floats(0, 2_000)), max_size=12)


def cut(*cables: Cable, longest: float = 80.0) -> list[CutLink]:
    return list(cut_links(cables, NAMES, Kilometres(longest)))


def test_trusted_nodes_are_named_after_their_link() -> None:
    (link,) = cut(Cable(0, 1, 240.0))
    assert link.between == ("Berlin-Hamburg.1", "Berlin-Hamburg.2")
    assert [span.id for span in link.spans] == [
        "Berlin--Berlin-Hamburg.1",
        "Berlin-Hamburg.1--Berlin-Hamburg.2",
        "Berlin-Hamburg.2--Hamburg",
    ]
    assert [span.length for span in link.spans] == [80.0, 80.0, 80.0]
    assert link.ends == ("Berlin", "Hamburg")


def test_a_short_link_stays_whole() -> None:
    (link,) = cut(Cable(2, 1, 79.96))
    assert (link.between, link.spans[0].id, link.spans[0].length) == ((), "Kiel--Hamburg", 80.0)


def test_places_in_the_same_building_are_linked_by_no_length() -> None:
    (link,) = cut(Cable(0, 1, 0.0))
    assert [span.length for span in link.spans] == [0.0]


def test_parallel_links_are_told_apart_whichever_way_they_are_written() -> None:
    links = cut(Cable(0, 1, 30.0), Cable(1, 0, 40.0), Cable(0, 1, 50.0))
    assert [link.spans[0].id for link in links] == ["Berlin--Hamburg", "Hamburg--Berlin/2", "Berlin--Hamburg/3"]
    assert [link.ends for link in links] == [("Berlin", "Hamburg"), ("Hamburg", "Berlin"), ("Berlin", "Hamburg")]


def test_parallel_links_have_trusted_nodes_of_their_own() -> None:
    links = cut(Cable(0, 1, 100.0), Cable(0, 1, 100.0), Cable(1, 0, 100.0))
    assert [link.between for link in links] == [("Berlin-Hamburg.1",), ("Berlin-Hamburg_2.1",), ("Hamburg-Berlin.1",)]


def test_a_link_to_itself_is_left_out() -> None:
    assert cut(Cable(1, 1, 10.0)) == []


def test_a_trusted_node_never_takes_the_name_of_another() -> None:
    names: dict[SiteId, NodeId] = {
        place: NodeId(name) for place, name in enumerate(("A-B", "C", "A", "B-C", "A-B-C.2"))
    }
    links = list(cut_links([Cable(0, 1, 100), Cable(2, 3, 100), Cable(2, 3, 200)], names, Kilometres(80)))
    assert [link.between[0] for link in links] == ["A-B-C.1", "A-B-C_2.1", "A-B-C_3.1"]


@given(CABLES, st.floats(1, 300))
def test_spans_are_short_enough_and_cover_the_link(cables: list[Cable], longest: float) -> None:
    names = name_sites(Site(place, name) for place, name in enumerate(("a", "a-a", "a", "A b")))
    links = list(cut_links(cables, names, Kilometres(longest)))
    kept = [cable for cable in cables if cable.source != cable.target]
    assert len(links) == len(kept)
    for cable, link in zip(kept, links, strict=True):
        assert all(span.length <= longest for span in link.spans)
        assert sum(span.length for span in link.spans) == pytest.approx(cable.dist, abs=0.051 * len(link.spans))
        assert len(link.spans) == spans_needed(cable.dist, Kilometres(longest)) == len(link.between) + 1
        stops = [names[cable.source], *link.between, names[cable.target]]
        assert [link_ends(span.id) for span in link.spans] == list(pairwise(stops))
    ids = [span.id for link in links for span in link.spans]
    nodes = [*names.values(), *(node for link in links for node in link.between)]
    assert len(set(ids)) == len(ids)
    assert len(set(nodes)) == len(nodes)
    assert all(parse_link(each) == each for each in ids)
