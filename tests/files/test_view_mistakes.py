"""Every kind of mistake in the file of a view: exactly one is told, where it stands, with the nearest name."""

from __future__ import annotations

import pytest

from keytwin.assessment.tables import tables
from keytwin.files.library import Source
from keytwin.files.view_library import read_shared, read_view
from keytwin.vocabulary.errors import FileMistake
from tests.design.shipped import ovm
from tests.files.test_view_library import SHARED, mistakes, shared, text_of

BB84, DIRECT, STAR = "protocol.bb84", "q-link.direct", "topology.star"
SECTIONS = {"parts": 10, "activity": 13}
"""Lines of BB84 before which a section of one line is put, so that it stands there itself."""


def with_section(before: str, section: str) -> str:
    """Return the file of BB84 with one more section, in one line."""
    text = text_of(BB84)
    place = text.index(f"\n{before}:\n") + 1
    assert text[:place].count("\n") + 1 == SECTIONS[before]
    return f"{text[:place]}{section}\n{text[place:]}"


def changed(variant: str, old: str, new: str) -> str:
    text = text_of(variant)
    assert old in text, "the shipped file has changed: mend the test"
    return text.replace(old, new, 1)


def shared_mistakes(old: str, new: str) -> list[str]:
    text = SHARED.octets.decode()
    assert old in text
    with pytest.raises(FileMistake) as told:
        read_shared(Source("shared.yaml", text.replace(old, new, 1).encode()))
    return [str(each).removeprefix("shared.yaml:") for each in told.value.findings]


# --- one mistake, one finding -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "old", "new", "told"),
    [
        (
            DIRECT,
            "to: system.bob, item: sync",
            "to: system.bobb, item: sync",
            "14:43: unknown lifeline 'system.bobb' (did you mean 'system.bob'?)",
        ),
        (
            DIRECT,
            "from: system.alice, to: system.bob, item: sync-pulse",
            "from: system.charlie, to: system.bob, item: sync-pulse",
            "14:25: unknown lifeline 'system.charlie' (did you mean 'system.alice'?)",
        ),
        (DIRECT, "item: qubit", "item: qubits", "15:58: unknown item 'qubits' (did you mean 'qubit'?)"),
        (
            DIRECT,
            "says: mark the frame",
            "say: mark the frame",
            "14:73: unknown key 'say' in a message (did you mean 'says'?)",
        ),
        (DIRECT, ", says: mark the frame", "", "14:18: 'says' is missing in a message (what is told or done)"),
        (
            DIRECT,
            "    reply: {",
            "    transmit: {",
            "16:5: duplicate key 'transmit' (the first is in line 15; remove one)",
        ),
        (DIRECT, "operator: loop, ", "", "12:17: 'operator' is missing in a frame (loop, alt, opt or par)"),
        (
            DIRECT,
            "guard: for each pulse",
            "guards: for each pulse",
            "12:34: unknown key 'guards' in a frame (did you mean 'guard'?)",
        ),
        (DIRECT, "title: Direct Q-link\n", "", "1:1: 'title' is missing in a view (its title)"),
        (
            DIRECT,
            "sources: [paper A Fig. 5a]\n",
            "",
            "1:1: 'sources' is missing in a view (where its content comes from)",
        ),
        (DIRECT, "variant: q-link.direct\n", "", "1:1: 'variant' is missing in a view (the variant that brings it)"),
        (DIRECT, "kind: sequence\n", "", "1:1: 'kind' is missing in a view (the kind of diagram)"),
        (DIRECT, "format: 1\n", "", "1:1: 'format' is missing in a view (the number of this format: 1)"),
        (DIRECT, "format: 1", "format: one", "1:9: unknown format 'one' (this version reads 'format: 1')"),
        (DIRECT, "about: What", "abuot: What", "5:1: unknown key 'abuot' in a view (did you mean 'about'?)"),
        (DIRECT, "  messages:", "  mesages:", "13:3: unknown key 'mesages' in a sequence (did you mean 'messages'?)"),
        (
            DIRECT,
            "variant: q-link.direct",
            "variant: Q-Link Direct",
            "2:10: 'Q-Link Direct' is no variant: write the variation point before it, as in 'protocol.bb84'",
        ),
        (DIRECT, "title: Direct Q-link", "title: [a]", "4:8: title is a list, where a text is wanted"),
        (BB84, "then: report}", "then: [report, reprot]}", "22:88: unknown step 'reprot' (did you mean 'report'?)"),
        (BB84, "kind: send,", "kind: sned,", "21:18: unknown kind of step 'sned' (did you mean 'send'?)"),
        (
            BB84,
            "detail: q-link",
            "detail: Q link",
            (
                "21:75: 'Q link' cannot name a variation point: use letters, digits, '.', '_' and '-', "
                "with a letter or digit at both ends"
            ),
        ),
        (
            BB84,
            "gives: announcement to compare",
            "gives: announcement to compar",
            "24:78: unknown step 'compar' (did you mean 'compare'?)",
        ),
        (
            BB84,
            'lane: system.bob, does: "Measure',
            'does: "Measure',
            "22:14: nobody does the step 'measure' (name a lane)",
        ),
        (BB84, "~quantum-port", "~quantum-prt", "9:29: unknown port kind 'quantum-prt' (did you mean 'quantum-port'?)"),
        (
            BB84,
            "{ports: {quantum-out",
            "{prots: {quantum-out",
            "8:11: unknown key 'prots' in what is added to a block (did you mean 'ports'?)",
        ),
        (BB84, "of: alice,", "of: alise,", "11:46: unknown block 'alise' (did you mean 'alice'?)"),
        (BB84, "{name: receiver, of", "{of", "12:17: 'name' is missing in a part (its name, for people)"),
        (
            BB84,
            "{name: receiver, of",
            "{least: -1, name: receiver, of",
            "12:25: '-1' is no number of parts: write 1 to 1000, or 'any'",
        ),
        (
            BB84,
            "{name: receiver, of",
            "{most: 0, name: receiver, of",
            "12:24: '0' is no number of parts: write 1 to 1000, or 'any'",
        ),
        (
            BB84,
            "{name: receiver, of",
            "{most: 1001, name: receiver, of",
            "12:24: '1001' is no number of parts: write 1 to 1000, or 'any'",
        ),
        (
            BB84,
            "    - disclose if the",
            "    - disclose  the",
            (
                "33:11: unknown step 'disclose  the error rate is below the limit' (known: 'begin', "
                "'prepare', 'send', 'measure', 'report', 'compare', 'keep', 'sample', 'estimate', "
                "'is-quiet', 'discard', 'abandoned', ...)"
            ),
        ),
        (
            STAR,
            "shows: [topology,",
            "shows: [topologie,",
            "20:9: unknown element 'topologie' (did you mean 'topology'?)",
        ),
        (
            STAR,
            "kind: block definition",
            "kind: block defnition",
            "3:7: unknown kind of view 'block defnition' (did you mean 'block definition'?)",
        ),
        (
            STAR,
            "kind: block definition",
            "kind: internal block",
            (
                "3:7: this view is of kind 'internal block' (the views of topology are of kind 'block "
                "definition', so that they can be compared)"
            ),
        ),
        (STAR, "general: topology", "general: topolgy", "10:14: unknown block 'topolgy' (did you mean 'topology'?)"),
        (
            STAR,
            "least: 2, most: any}\n",
            "least: two, most: any}\n",
            "17:81: 'two' is no number of parts: write 1 to 1000, or 'any'",
        ),
    ],
)
def test_one_slip_is_told_once_with_its_place_and_the_remedy(variant: str, old: str, new: str, told: str) -> None:
    assert mistakes(changed(variant, old, new), variant) == [told]


@pytest.mark.parametrize(
    ("before", "section", "told"),
    [
        (
            "parts",
            "blocks: {alice: {name: A}}",
            "10:10: the block 'alice' is shared by all views (add to it under 'adds', or rename)",
        ),
        (
            "parts",
            "items: {qubit: {name: A, nature: quantum}}",
            "10:9: the item 'qubit' is shared by all views (add to it under 'adds', or rename)",
        ),
        ("parts", "items: {qutrit: {name: A}}", "10:17: 'nature' is missing in an item (quantum or classical)"),
        (
            "parts",
            "port_kinds: {key-port: {name: A, nature: key, carries: qubit out}}",
            "10:14: the port kind 'key-port' is shared by all views (add to it under 'adds', or rename)",
        ),
        (
            "parts",
            "port_kinds: {my-port: {name: A, nature: key, carries: qubit outt}}",
            "10:55: 'qubit outt' says not what flows which way (write it as 'qubit out')",
        ),
        (
            "parts",
            "port_kinds: {my-port: {name: A, nature: key, carries: qbit out}}",
            "10:55: unknown item 'qbit' (did you mean 'qubit'?)",
        ),
        (
            "parts",
            "port_kinds: {my-port: {name: A, nature: key, carries: qubit out, exclusive: maybe}}",
            "10:77: unknown answer 'maybe' (known: 'true', 'false', 'yes', 'no')",
        ),
        (
            "parts",
            "blocks: {new: {name: A, general: channle}}",
            "10:34: unknown block 'channle' (did you mean 'channel'?)",
        ),
        (
            "parts",
            "blocks: {new: {name: A, properties: {x: {quantity: length, value: 3 dB, source: me}}}}",
            "10:67: '3 dB' has an unknown unit 'dB': a length takes one of m, km",
        ),
        (
            "parts",
            "blocks: {new: {name: A, properties: {x: {quantity: length, value: 3 km}}}}",
            "10:41: a value without a source is a guess (say under 'source' where it comes from)",
        ),
        ("parts", "blocks: [new]", "10:9: blocks is a list, where a mapping from the name of each block is wanted"),
        (
            "activity",
            "connectors: {c: {of: qkd-system, from: system.alice / keyy, to: system.bob / key}}",
            "13:17: alice has no port 'keyy' (did you mean 'key'?)",
        ),
        (
            "activity",
            "connectors: {c: {of: qkd-system, from: system.alic / key, to: system.bob / key}}",
            "13:40: unknown part 'system.alic' (did you mean 'system.alice'?)",
        ),
        (
            "activity",
            "connectors: {c: {of: qkd-system, from: system.alice / key, to: system.bob / key, flows: qubit}}",
            "13:89: 'qubit' says not what flows which way (write it as 'qubit out')",
        ),
        (
            "activity",
            "connectors: {c: {from: system.alice / key, to: system.bob / key}}",
            "13:17: 'of' is missing in a connector (the block in which it lies)",
        ),
        (
            "activity",
            "connectors: {c: {of: qkd-sytem, from: system.alice / key, to: system.bob / key}}",
            "13:22: unknown block 'qkd-sytem' (did you mean 'qkd-system'?)",
        ),
        (
            "activity",
            "requirements: {r: {name: R, text: t, subject: alcie}}",
            "13:47: unknown block 'alcie' (did you mean 'alice'?)",
        ),
        (
            "activity",
            "requirements: {r: {name: R, text: t, subject: alice, derived_from: q}}",
            "13:68: unknown requirement 'q' (known: 'r')",
        ),
        (
            "activity",
            "requirements: {r: {name: R, text: t, subject: alice, satisfied_by: system.alcie}}",
            "13:68: unknown element 'system.alcie' (did you mean 'system.alice'?)",
        ),
        (
            "activity",
            (
                "requirements: {r: {name: R, text: t, subject: alice, verified: {v: {name: V, method: "
                "tset, measures: m}}}}"
            ),
            "13:86: unknown method 'tset' (did you mean 'test'?)",
        ),
        (
            "activity",
            "requirements: {r: {name: R, text: t, subject: alice, verified: {v: {name: V, method: test}}}}",
            "13:68: 'measures' is missing in a verification (what is compared, in words)",
        ),
        (
            "activity",
            (
                "equations: {e: {name: E, expression: y = x, parameters: {x: {quantity: length}}, "
                "bindings: {x: fibre / lenth}}}"
            ),
            "13:16: fibre has no property 'lenth' (did you mean 'length'?)",
        ),
        (
            "activity",
            (
                "equations: {e: {name: E, expression: y = x, parameters: {x: {quantity: length}}, "
                "bindings: {y: fibre / length}}}"
            ),
            "13:16: the equation has no parameter 'y'",
        ),
        (
            "activity",
            (
                "equations: {e: {name: E, expression: y = x, parameters: {x: {quantity: length}}, "
                "bindings: {x: fiber / length}}}"
            ),
            "13:96: unknown block 'fiber' (did you mean 'fibre'?)",
        ),
        (
            "activity",
            "equations: {e: {name: E, parameters: {x: {quantity: length}}}}",
            "13:16: 'expression' is missing in an equation (the relation)",
        ),
        (
            "activity",
            "entanglement: {j: {name: J, parts: [system.alice, system.bo]}}",
            "13:51: unknown part 'system.bo' (did you mean 'system.bob'?)",
        ),
        (
            "activity",
            "entanglement: {j: {name: J, parts: [system.alice, system.bob], made_by: sned}}",
            "13:73: unknown deed 'sned' (did you mean 'send'?)",
        ),
        (
            "activity",
            "entanglement: {j: {name: J, parts: [system.alice, system.bob], used_by: [send, mesure]}}",
            "13:80: unknown deed 'mesure' (did you mean 'measure'?)",
        ),
        ("activity", "subject: alcie", "13:10: unknown element 'alcie' (did you mean 'alice'?)"),
        ("activity", "shows: [alcie]", "13:9: unknown element 'alcie' (did you mean 'alice'?)"),
        (
            "activity",
            "state: {id: s, name: S, table: session at admision, part: system.alice}",
            "13:32: unknown state table 'session at admision' (did you mean 'session at admission'?)",
        ),
        (
            "activity",
            "state: {id: s, name: S, table: session at admission, part: system.alicia}",
            "13:60: unknown part 'system.alicia' (did you mean 'system.alice'?)",
        ),
        (
            "activity",
            "state: {id: s, name: S, table: session at admission, part: system.alice}",
            "13:8: a view of kind 'activity' has no state (a file has one view)",
        ),
    ],
)
def test_one_slip_in_a_section_more_is_told_once(before: str, section: str, told: str) -> None:
    assert mistakes(with_section(before, section)) == [told]


# --- one mistake with what follows from it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "old", "new", "told"),
    [
        (
            DIRECT,
            "  id: direct\n",
            "",
            [
                "3:7: a view of kind 'sequence' needs the key 'sequence'",
                "8:3: 'id' is missing in a sequence (its identifier)",
            ],
        ),
        (
            DIRECT,
            "  id: direct\n",
            "  id: Direct link\n",
            [
                "3:7: a view of kind 'sequence' needs the key 'sequence'",
                (
                    "8:7: 'Direct link' cannot name an element: use letters, digits, '.', '_' and '-', "
                    "with a letter or digit at both ends"
                ),
            ],
        ),
        (
            DIRECT,
            "each-pulse: {operator",
            "each pulse: {operator",
            [
                (
                    "12:5: 'each pulse' cannot name an element: use letters, digits, '.', '_' and '-', "
                    "with a letter or digit at both ends"
                ),
                "15:73: unknown frame 'each-pulse' (did you mean 'each pulse'?)",
            ],
        ),
        (
            BB84,
            "kind: start",
            "kind: strat",
            [
                "19:12: nobody does the step 'begin' (name a lane)",
                "19:19: unknown kind of step 'strat' (did you mean 'start'?)",
            ],
        ),
        (
            BB84,
            "    report: {",
            "    measure: {",
            [
                "22:79: unknown step 'report' (did you mean 'prepare'?)",
                "24:5: duplicate key 'measure' (the first is in line 22; remove one)",
            ],
        ),
        (
            BB84,
            "lane: system.alice, does: Disclose",
            "lane: system.charlie, does: Disclose",
            [
                "37:15: nobody does the step 'disclose' (name a lane)",
                "37:22: unknown lane 'system.charlie' (did you mean 'system.alice'?)",
            ],
        ),
        (
            STAR,
            "subject: star-topology",
            "subject: stra-topology",
            [
                "3:7: a view of kind 'block definition' needs the keys 'subject' and 'shows'",
                "19:10: unknown element 'stra-topology' (did you mean 'star-topology'?)",
            ],
        ),
        (
            STAR,
            "shows: [",
            "shown: [",
            [
                "3:7: a view of kind 'block definition' needs the keys 'subject' and 'shows'",
                "20:1: unknown key 'shown' in a view (did you mean 'shows'?)",
            ],
        ),
    ],
)
def test_what_follows_from_a_mistake_is_told_in_the_order_of_the_file(
    variant: str, old: str, new: str, told: list[str]
) -> None:
    assert mistakes(changed(variant, old, new), variant) == told


def test_without_lanes_every_step_with_one_is_told() -> None:
    found = mistakes(changed(BB84, "lanes: [system.alice, system.bob]", "lanes: []"))
    unknown = [each for each in found if "(no lane is declared)" in each]
    assert len(unknown) == text_of(BB84).count("lane: system.")
    assert {each.rpartition("unknown lane ")[2] for each in unknown} == {
        "'system.alice' (no lane is declared)",
        "'system.bob' (no lane is declared)",
    }


def test_mistakes_in_three_sections_are_told_together() -> None:
    text = changed(BB84, "of: alice,", "of: alise,").replace("kind: send,", "kind: sned,", 1)
    text = text.replace("~quantum-port", "~quantum-prt", 1)
    assert [each.partition(" (")[0] for each in mistakes(text)] == [
        "9:29: unknown port kind 'quantum-prt'",
        "11:46: unknown block 'alise'",
        "21:18: unknown kind of step 'sned'",
    ]


# --- what is right ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "section"),
    [
        ("parts", "items: {qutrit: {name: A, nature: quantum}}"),
        ("parts", "port_kinds: {my-port: {name: A, nature: key, carries: [qubit out, bell-pair in], exclusive: yes}}"),
        (
            "parts",
            "blocks: {new: {name: A, general: channel, properties: {x: {quantity: length, value: 3 km, source: me}}}}",
        ),
        ("activity", "connectors: {c: {of: qkd-system, from: system.alice / key, to: system.bob / key}}"),
        (
            "activity",
            "entanglement: {j: {name: J, parts: [system.alice, system.bob], made_by: send, used_by: measure}}",
        ),
    ],
)
def test_the_same_sections_without_a_slip_are_read(before: str, section: str) -> None:
    (word,) = (each for each in ("qutrit", "my-port", "new", "c", "j") if f": {{{each}: " in section)
    from_file = read_view(Source(f"{BB84}.yaml", with_section(before, section).encode()), shared(), tables(), ovm())
    # An item that nothing refers to is kept all the same: it is the view's own.
    assert word in {each.id for each in from_file.elements}


def test_an_unknown_quantity_is_told_with_the_nearest_one() -> None:
    found = mistakes(with_section("parts", "blocks: {new: {name: A, properties: {x: {quantity: lenght}}}}"))
    assert found == ["10:52: unknown quantity 'lenght' (did you mean 'length'?)"]


# --- what views share -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("whole: qkd-system", "whole: qkd-sytem", "131:10: unknown block 'qkd-sytem' (did you mean 'qkd-system'?)"),
        (
            "  protocol: protocol",
            "  protocol: A B",
            (
                "133:13: 'A B' cannot name a variation point: use letters, digits, '.', '_' and '-', "
                "with a letter or digit at both ends"
            ),
        ),
        ("state: qubit", "state: qbit", "139:10: unknown item 'qbit' (did you mean 'qubit'?)"),
        (
            "delicate_port: quantum-port",
            "delicate_port: quantm-port",
            "142:18: unknown port kind 'quantm-port' (did you mean 'quantum-port'?)",
        ),
        (
            "  plain_port: classical-port\n",
            "",
            "131:3: 'plain_port' is missing in the roles (the kind of port for all else that passes a channel)",
        ),
        ("roles:", "role:", "130:1: unknown key 'role' in what views share (did you mean 'roles'?)"),
        ("  outcome: ann", "  outcom: ann", "141:3: unknown key 'outcom' in the roles (did you mean 'outcome'?)"),
        (
            "general: qkd-node, about: The node at the first",
            "general: qkd-nod, about: The node at the first",
            "37:33: unknown block 'qkd-nod' (did you mean 'qkd-node'?)",
        ),
        (
            "qubit out, bell",
            "qubit away, bell",
            "17:15: 'qubit away' says not what flows which way (write it as 'qubit out')",
        ),
        ("station: station\n", "station: sation\n", "137:12: unknown block 'sation' (did you mean 'station'?)"),
    ],
)
def test_one_slip_in_what_views_share_is_told_once(old: str, new: str, told: str) -> None:
    assert shared_mistakes(old, new) == [told]


def test_an_end_that_is_unknown_is_told_with_the_nearest_part() -> None:
    found = shared_mistakes("ends: [system.alice, system.bob]", "ends: [system.alice, system.bbo]")
    assert "132:24: unknown part 'system.bbo' (did you mean 'system.bob'?)" in found
