"""When an operator is told that a key manager does not answer: when none of its neighbours gets an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from keytwin.control.alarms import IN_A_ROW, Watch
from keytwin.control.silence import Silence
from keytwin.vocabulary.events import AlarmRaised
from keytwin.vocabulary.identity import LinkId, NodeId, link_ends
from keytwin.vocabulary.link_messages import ProbeReported
from keytwin.vocabulary.machine import Publish
from keytwin.vocabulary.units import Bits, milliseconds


class Neighbours:
    """Some links, and what is told of their tests."""

    def __init__(self, *links: str) -> None:
        self.silence = Silence()
        self.watches = {LinkId(link): Watch(LinkId(link)) for link in links}
        self.sequences: Counter[tuple[str, str]] = Counter()
        for watch in self.watches.values():
            self.silence.add(watch)
            for node in link_ends(watch.link):
                assert self.report(watch.link, node, is_lost=False) == []

    def report(self, link: str, by: str, *, is_lost: bool, times: int = 1) -> list[tuple[str, str, bool]]:
        """Return what is told: on which link, what, and whether it begins."""
        told = []
        for _ in range(times):
            self.sequences[link, by] += 1
            delay = None if is_lost else milliseconds(1)
            watch = self.watches[LinkId(link)]
            watch.probe(ProbeReported(watch.link, NodeId(by), self.sequences[link, by], delay, Bits(0)))
            told += [effect for node in link_ends(watch.link) for effect in self.silence.review(node)]
        events = [effect.event for effect in told if isinstance(effect, Publish)]
        return [(event.link, event.cause, event.is_on) for event in events if isinstance(event, AlarmRaised)]

    def lose(self, *ends: tuple[str, str]) -> list[tuple[str, str, bool]]:
        """Let the tests of a link by an end fail."""
        return [told for link, by in ends for told in self.report(link, by, is_lost=True, times=IN_A_ROW)]


def said(links: Iterable[str], about: str, *, is_on: bool) -> list[tuple[str, str, bool]]:
    return [(link, f"{about} does not answer", is_on) for link in links]


def test_the_hub_of_a_star_is_named_once_all_leaves_have_tested_it_in_vain() -> None:
    star = Neighbours("hub--x", "hub--y", "hub--z")
    assert star.lose(("hub--x", "x"), ("hub--y", "y")) == []
    links = ["hub--x", "hub--y", "hub--z"]
    assert star.lose(("hub--z", "z")) == said(links, "hub", is_on=True)
    assert star.lose(("hub--x", "x")) == []


def test_it_is_told_once_that_it_answers_again() -> None:
    pair = Neighbours("a--b", "b--c")
    pair.lose(("a--b", "a"), ("b--c", "c"))
    assert pair.report("a--b", "a", is_lost=False) == said(["a--b", "b--c"], "b", is_on=False)
    assert pair.report("b--c", "c", is_lost=False) == []


def test_one_link_that_fails_says_nothing_about_nodes_that_answer_elsewhere() -> None:
    ring = Neighbours("a--b", "b--c", "a--c")
    assert ring.lose(("a--b", "a"), ("a--b", "b")) == []


def test_a_node_with_one_link_is_named_by_its_only_neighbour() -> None:
    line = Neighbours("a--b", "b--c")
    assert line.lose(("b--c", "b")) == said(["b--c"], "c", is_on=True)


def test_parallel_links_are_each_a_way_to_answer() -> None:
    pair = Neighbours("a--b/fibre", "a--b/air", "b--c")
    assert pair.lose(("a--b/fibre", "b")) == []
    assert pair.lose(("a--b/air", "b")) == said(["a--b/fibre", "a--b/air"], "a", is_on=True)


def test_a_silent_neighbour_is_no_witness() -> None:
    ring = Neighbours("a--b", "b--c", "c--d", "a--d")
    ring.lose(("a--b", "a"), ("b--c", "c"))
    assert ring.lose(("c--d", "d")) == said(["c--d"], "c", is_on=True)
