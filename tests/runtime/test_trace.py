"""Traces: what was published comes back as it was, from any file that is one, and every line that is not is named."""

from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime import trace
from keytwin.runtime.trace import EVENT_TYPES, Happening, TraceWriter, digest, events_table, read_trace
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.events import KeysAnswered, LinkProbed, SessionAdmitted, StockSeen, ViolationSeen
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant

KM0 = ElementName("km/km0")
EVENTS: list[Event] = [
    SessionAdmitted(
        Ksid("s"), AppId("a"), 1, Route((NodeId("a"), NodeId("b")), (LinkId("a--b"),)), BitsPerSecond(1000)
    ),
    KeysAnswered(NodeId("a"), Ksid("s"), SaeId("x"), (KeyId("k1"), KeyId("k2")), is_master=True, waited=Duration(5)),
    LinkProbed(NodeId("a"), LinkId("a--b"), None),
    StockSeen(LinkId("a--b"), BitsPerSecond(1), 0.1 + 0.2, (Bits(1), None)),
    ViolationSeen("TagMismatch", 'with "quotes", a \\ and é'),
]
HAPPENINGS = [Happening(Instant(number * 10), KM0, event) for number, event in enumerate(EVENTS)]


def written(happenings: list[Happening]) -> tuple[bytes, str]:
    stream = io.BytesIO()
    writer = TraceWriter(stream, "star6", 7)
    for each in happenings:
        writer(each.at, each.element, each.event)
    return stream.getvalue(), writer.digest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    path.write_bytes(written(HAPPENINGS)[0])
    return path


def test_a_trace_comes_back_as_typed_events(file: Path) -> None:
    found = read_trace(file)
    assert (found.header.name, found.header.seed, found.header.format) == ("star6", 7, 1)
    assert list(found.happenings) == HAPPENINGS


def test_a_replay_tells_a_subscriber_everything_again(file: Path) -> None:
    stream = io.BytesIO()
    read_trace(file).replay(TraceWriter(stream, "star6", 7))
    assert stream.getvalue() == file.read_bytes()


def test_lines_are_plain_json_with_at_element_and_type_first(file: Path) -> None:
    head, *lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert head == {"format": 1, "kind": "keytwin trace", "name": "star6", "seed": 7, "keytwin": trace.own_version()}
    assert all(list(line)[:3] == ["at", "element", "type"] for line in lines)
    assert lines[2] == {
        "at": 20, "element": "km/km0", "type": "LinkProbed", "node": "a", "link": "a--b", "delay": None
    }  # fmt: skip


def test_no_field_of_an_event_hides_when_where_or_what() -> None:
    assert not [kind for kind in EVENT_TYPES.values() if {"at", "element", "type"} & set(kind.__struct_fields__)]


def test_the_digest_is_that_of_the_file(file: Path) -> None:
    assert written(HAPPENINGS)[1] == digest(file)
    assert written(HAPPENINGS[:-1])[1] != digest(file)


@given(st.integers(0, 2**63 - 1), st.text(max_size=20), st.text(max_size=20))
def test_any_text_survives(at: int, element: str, about: str) -> None:
    line = trace.line(Instant(at), ElementName(element), ViolationSeen("x", about))
    assert b"\n" not in line
    read = json.loads(line)
    assert (read["at"], read["element"], read["about"]) == (at, element, about)


# --- what is wrong with a file --------------------------------------------------------------------------------------


def mistake(file: Path, content: bytes) -> FileMistake:
    file.write_bytes(content)
    with pytest.raises(FileMistake) as caught:
        read_trace(file)
    return caught.value


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"", "no trace of keytwin"),
        (b"name: star6\n", "no trace of keytwin"),
        (b'{"format":1}\n', "no trace of keytwin"),
        (b'{"format":1,"kind":"keytwin trace","name":"x"}\n', "no trace of keytwin"),
        (b'{"format":1,"kind":"keytwin trace","name":"x","seed":1,"keytwin":"1","more":1}\n', "no trace of keytwin"),
        (b'{"format":1,"kind":"bill","name":"x"}\n', "a 'bill', not a 'keytwin trace'"),
        (b'{"format":2,"kind":"keytwin trace","novel":"x"}\n', "format 2: this keytwin reads format 1"),
    ],
)
def test_a_file_that_is_no_trace_or_of_another_format_is_refused(file: Path, header: bytes, says: str) -> None:
    found = mistake(file, header + b'{"at":1}\n')
    assert says in str(found)
    assert [finding.line for finding in found.findings] == [1]


GOOD = b'{"at":7,"element":"km/a","type":"LinkProbed","node":"a","link":"a--b","delay":null}\n'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"\n", "truncated"),
        (b"{}\n", "missing required field"),
        (GOOD[:-1], "cut off"),
        (GOOD.replace(b"LinkProbed", b"LinkBlessed"), "LinkBlessed"),
        (GOOD.replace(b"null", b'"soon"'), "Expected `int | null`"),
        (GOOD.replace(b"null", b'null,"mood":"good","aura":1'), "LinkProbed has no aura, mood"),
        (GOOD.replace(b'"link":"a--b",', b""), "missing required field `link`"),
        (GOOD.replace(b"7", b"6"), "before the line above"),
        (GOOD.replace(b"7", b"7.5"), "Expected `int`"),
    ],
)
def test_a_wrong_line_is_named(file: Path, line: bytes, says: str) -> None:
    found = mistake(file, written([])[0] + GOOD + line)
    assert says in str(found)
    assert [(finding.file, finding.line) for finding in found.findings] == [(str(file), 3)]


def test_a_negative_instant_is_refused(file: Path) -> None:
    assert mistake(file, written([])[0] + GOOD.replace(b"7", b"-7")).findings[0].line == 2


def test_all_wrong_lines_are_named_at_once_up_to_a_limit(file: Path) -> None:
    content = written([])[0] + b"".join([GOOD, b"{}\n"] * 50)
    lines = [finding.line for finding in mistake(file, content).findings]
    assert lines == list(range(3, 3 + 2 * trace.MOST_FINDINGS, 2))


def test_a_missing_file_is_no_mistake_of_the_trace(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_trace(tmp_path / "none.jsonl")


# --- as a table -----------------------------------------------------------------------------------------------------


def test_a_table_has_a_column_for_each_field_and_none_where_an_event_has_it_not() -> None:
    table = events_table(HAPPENINGS[2:4])
    assert list(table) == ["at", "element", "type", "node", "link", "delay", "rate", "qber", "stocks"]
    assert table["type"] == ["LinkProbed", "StockSeen"]
    assert table["link"] == ["a--b", "a--b"]
    assert table["rate"] == [None, 1]
    assert {len(column) for column in table.values()} == {2}


def test_a_table_of_nothing_still_says_when_where_and_what() -> None:
    assert events_table([]) == {"at": [], "element": [], "type": []}


def test_every_event_of_the_vocabulary_can_be_read() -> None:
    assert ViolationSeen in EVENT_TYPES.values()
    assert len(EVENT_TYPES) == len({kind.__name__ for kind in EVENT_TYPES.values()}) > 20
    assert all(issubclass(kind, msgspec.Struct) for kind in EVENT_TYPES.values())
