"""Network files: what they mean, and every mistake with line, column and nearest name, all at once."""

from __future__ import annotations

import pytest

from keytwin.control.routing import METRICS
from keytwin.files.known import BROUGHT, Known
from keytwin.files.library import Source, networks
from keytwin.files.network import check_network, read_network
from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.quantum.channel import MEDIA
from keytwin.quantum.protocols import PROTOCOLS
from keytwin.vocabulary.blueprint import (
    App,
    ControlSettings,
    Endpoint,
    KeyManagementSettings,
    Sla,
    TwinSettings,
    User,
)
from keytwin.vocabulary.identity import AppId, DeviceId, LinkId, NodeId, SaeId, SlaId, UserId
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import (
    Bits,
    BitsPerSecond,
    Decibels,
    DecibelsPerKilometre,
    Kilometres,
    minutes,
    seconds,
)
from tests.files.reading import mistakes, network, short
from tests.marks import clause

HEAD = "format: 1\nname: test\ndefaults: {link: {device: generic-decoy-bb84, length: 20 km}}\n"
GRAPH = HEAD + "nodes: {km0: , km1: , km2: }\nlinks: [km0 -- km1, km1 -- km2]\n"
USERS = GRAPH + "slas: {gold: {priority: 0, rate: 1 kbit/s, burst: 1 kbit}}\nusers: {alice: {sla: gold}}\n"


# --- what a file means ----------------------------------------------------------------------------------------------


@clause("paper B, IEEE Network 2025", "Fig. 4")
def test_star6_says_what_paper_b_shows() -> None:
    star6 = read_network("star6")
    assert star6.name == "star6"
    assert star6.about.startswith("Six-node star plus one extra link (Lopez et al.")
    assert [node.id for node in star6.topology.nodes] == ["km0", "km1", "km2", "km3", "km4", "km5"]
    assert [link.id for link in star6.topology.links] == [
        "km0--km1",
        "km0--km2",
        "km0--km3",
        "km0--km4",
        "km0--km5",
        "km4--km5",
    ]
    assert star6.topology.links[5] == QLink(
        LinkId("km4--km5"), DeviceId("generic-decoy-bb84"), "fibre", Kilometres(20.0), DecibelsPerKilometre(0.2), None
    )
    assert star6.slas == (
        Sla(SlaId("gold"), 0, BitsPerSecond(64_000), Bits(256_000)),
        Sla(SlaId("bronze"), 3, BitsPerSecond(1_000), Bits(16_000)),
    )
    assert star6.users == (
        User(UserId("alice"), SlaId("gold"), BitsPerSecond(256_000)),
        User(UserId("bob"), SlaId("bronze"), None),
    )
    assert star6.apps[1] == App(
        AppId("app23"),
        UserId("alice"),
        (Endpoint(SaeId("app23-a"), NodeId("km2")), Endpoint(SaeId("app23-b"), NodeId("km3"))),
    )
    assert (star6.control.admission.peer_timeout, star6.control.admission.inactivity_timeout) == (
        seconds(60),
        minutes(10),
    )
    assert list(star6.devices) == ["generic-decoy-bb84"]


def test_what_is_left_out_or_left_empty_is_the_default() -> None:
    spare = network(
        GRAPH + ("about:\nslas:\nusers:\napps: {}\ncontrol: {routing: , key_management: {key_size: }}\ntwin:\n")
    )
    assert spare.value.control == ControlSettings()
    assert spare.value.key_management == KeyManagementSettings()
    assert spare.value.twin == TwinSettings()
    assert (spare.value.about, spare.value.slas, spare.value.apps) == ("", (), ())


def test_a_node_may_be_called_0_or_no() -> None:
    blueprint = network(HEAD + "nodes: {0: , 1_0: , no: }\nlinks:\n  - 0 -- 1_0\n  - no--0/2\n").value
    assert [node.id for node in blueprint.topology.nodes] == ["0", "1_0", "no"]
    assert [link.id for link in blueprint.topology.links] == ["0--1_0", "no--0/2"]


@pytest.mark.parametrize("written", ["km0 -- km1", "km0--km1", "  km0  --km1 ", "'km0 -- km1'", '"km0\\x20--km1"'])
def test_a_link_is_written_with_any_spacing(written: str) -> None:
    links = network(HEAD + f"nodes: {{km0: , km1: }}\nlinks:\n  - {written}\n").value.topology.links
    assert [link.id for link in links] == ["km0--km1"]


def test_links_may_be_parallel() -> None:
    links = network(HEAD + "nodes: {a: , b: }\nlinks: [a -- b, a -- b/fibre, b -- a/air]\n").value.topology.links
    assert [link.id for link in links] == ["a--b", "a--b/fibre", "b--a/air"]


@pytest.mark.parametrize(
    ("usual", "own", "length", "total_loss"),
    [
        ("length: 20 km", "", 20.0, None),
        ("length: 20 km", "length: 350 m", 0.35, None),
        ("length: 20 km", "total_loss: 14.5 dB", 20.0, 14.5),
        ("length: 20 km, total_loss: 5 dB", "", 20.0, 5.0),
        ("length: 20 km, total_loss: 5 dB", "length: 12 km", 12.0, None),
        ("length: 20 km, total_loss: 5 dB", "loss: 0.3 dB/km", 20.0, None),
        ("length: 20 km, total_loss: 5 dB", "length: 12 km, total_loss: 4 dB", 12.0, 4.0),
        ("total_loss: 5 dB", "", 0.0, 5.0),
    ],
)
def test_what_a_link_says_wins_over_the_defaults(usual: str, own: str, length: float, total_loss: float | None) -> None:
    text = f"format: 1\nname: t\ndefaults: {{link: {{device: generic-decoy-bb84, {usual}}}}}\nnodes: {{a: , b: }}\n"
    (link,) = network(f"{text}links:\n  - a -- b: {{{own}}}\n").value.topology.links
    assert (link.length, link.total_loss) == (length, None if total_loss is None else Decibels(total_loss))


def test_all_settings_can_be_given() -> None:
    blueprint = network(
        GRAPH
        + """control:
  routing: {metric: key-aware, k_paths: 2}
  admission: {peer_timeout: 1 min, inactivity_timeout: 2 h, margin: 20 %, half_open_sessions: 3}
  monitoring: {probe_period: 1 s, report_period: 500 ms, qber_alarm: 5 %, stock_alarm: 1 kbit, loss_alarm: 0.25}
  key_management: {algorithm: on-demand, key_size: 512 bit, pool_depth: 5 s, batch: 8, key_lifetime: 1 d,
                   store: 1 Mbit, split: 0.25}
"""
    ).value
    assert blueprint.control.routing.metric == "key-aware"
    assert blueprint.control.admission.margin == 0.2
    assert blueprint.control.monitoring.report_period == seconds(0.5)
    assert blueprint.key_management == KeyManagementSettings(
        "on-demand", Bits(512), seconds(5), 8, seconds(86_400), Bits(1_000_000), 0.25
    )


def test_a_network_without_apps_is_noted_but_allowed() -> None:
    said = "the network has no apps: nobody would ask for a key"
    assert [short(warning) for warning in network(GRAPH).warnings] == [f"1:1: {said}"]
    assert [short(warning) for warning in network(GRAPH + "apps: {}\n").warnings] == [f"6:7: {said}"]


def test_a_black_box_needs_no_length_because_its_figures_hold_the_loss() -> None:
    text = HEAD.replace("generic-decoy-bb84, length: 20 km", "empirical-black-box")
    (link,) = network(text + "nodes: {a: , b: }\nlinks: [a -- b]\n").value.topology.links
    assert (link.length, link.total_loss) == (0.0, None)


def test_a_node_without_links_is_noted_but_allowed() -> None:
    checked = network(HEAD + "nodes: {a: , b: , alone: }\nlinks: [a -- b]\n")
    assert "4:19: node 'alone' has no link" in [short(warning) for warning in checked.warnings]


# --- mistakes -------------------------------------------------------------------------------------------------------


def test_all_mistakes_of_a_file_are_told_at_once_in_its_order() -> None:
    told = mistakes("""\
format: 1
name: star6
abuot: six nodes
defaults: {link: {device: generic-decoy-bb48, length: 20}}
nodes: {km0: , 0: , km2: , km--3: , island: , km0: }
links:
  - km0 -- 0: {link_legth: 3 km}
  - km0 -- km2
  - km2--km0
  - km2 -- km7
slas: {gold: {priority: 0, rate: 64 kbit, burst: 256 kbit}, silver: {rate: 1 kbit/s, burst: 8 bit}}
users: {alice: {sla: goold}, bob: !!str {sla: gold}}
apps:
  app01: {user: alcie, saes: {a: km0, b: km2}}
  app02: {user: bob, saes: {c: km0, d: island}}
control: {routing: {metric: hop}}
twin: {physics: count}
""")
    assert told == [
        "3:1: unknown key 'abuot' in a network (did you mean 'about'?)",
        "4:27: unknown device 'generic-decoy-bb48' (did you mean 'generic-decoy-bb84'?)",
        "4:55: '20' has no unit: a length needs one of m, km, such as '20 km'",
        "5:28: 'km--3' cannot name a node: '--' joins the two ends of a link; use a single '-'",
        "5:47: duplicate key 'km0' (the first is in line 5; remove one)",
        "7:16: unknown key 'link_legth' in a link (did you mean 'length'?)",
        (
            "9:5: duplicate link 'km2 -- km0' (the first is in line 8; a parallel link needs a name of its own, "
            "such as 'km2 -- km0/second')"
        ),
        "10:12: unknown node 'km7' (did you mean 'km2'?)",
        (
            "11:34: '64 kbit' has an unknown unit 'kbit': a rate takes one of "
            "bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, MB/s, GB/s"
        ),
        "11:69: 'priority' is missing in an SLA (a whole number; 0 is served first)",
        "12:22: unknown SLA 'goold' (did you mean 'gold'?)",
        "12:35: the tag '!!str' has no use here: every value is read as text, remove it",
        "14:17: unknown user 'alcie' (did you mean 'alice'?)",
        "15:28: app 'app02' is disconnected: no links lead from 'km0' to 'island'",
        "16:29: unknown routing metric 'hop' (did you mean 'hops'?)",
        "17:17: unknown fidelity 'count' (did you mean 'counts'?)",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a, b]", ["1:1: the file is a list, where a mapping that describes a network is wanted"]),
        ("text", ["1:1: the file is a text, where a mapping that describes a network is wanted"]),
        (
            "about: x",
            [
                "1:1: 'format' is missing in a network (the number of this format: 1)",
                "1:1: 'name' is missing in a network (its name)",
                "1:1: 'nodes' is missing in a network (the trusted nodes, each with a key manager)",
                "1:1: 'links' is missing in a network (the Q-links, each with the KM link beside it)",
            ],
        ),
        (GRAPH.replace("format: 1", "format: 2"), ["1:9: unknown format '2' (this version reads 'format: 1')"]),
        (GRAPH.replace("format: 1", "frmat: 1"), ["1:1: unknown key 'frmat' in a network (did you mean 'format'?)"]),
        (GRAPH.replace("format: 1", "format:"), ["1:1: 'format' has no value (the number of this format: 1)"]),
        (
            GRAPH.replace("name: test", "name: a--b"),
            [("2:7: 'a--b' cannot name a network: '--' joins the two ends of a link; use a single '-'")],
        ),
        (GRAPH.replace("20 km", "20 Km"), ["3:55: '20 Km' has an unknown unit 'Km': did you mean 'km'?"]),
        (
            GRAPH.replace("20 km", "200001 km"),
            ["3:55: '200001 km' is out of range: write a length from 0 km to 100000 km"],
        ),
        (GRAPH.replace("20 km", "[20 km]"), ["3:55: defaults.link.length is a list, where a length is wanted"]),
        (
            GRAPH.replace("length", "medium: air, length"),
            ["3:55: unknown medium 'air' (known: 'fibre', 'free-space', 'satellite')"],
        ),
        (
            HEAD + "nodes: {}\nlinks: []\n",
            ["4:8: no node is declared here (at least 1 is needed)"],
        ),
        (GRAPH + "users: [alice]\n", [("6:8: users is a list, where a mapping from the name of each user is wanted")]),
        (
            GRAPH + "apps: {a: {user: bob, saes: {x: km0, y: km1}}}\n",
            ["6:18: unknown user 'bob' (no user is declared)"],
        ),
        (
            GRAPH + "control: {admission: {peer_timeout: 0 s}}\n",
            ["6:37: '0 s' is out of range: write a time from 1 ms to 3650 d"],
        ),
        (
            GRAPH + "control: {key_management: {key_size: 257 bit}}\n",
            [("6:38: '257 bit' is not a whole number of octets: write a multiple of 8 bit")],
        ),
        (
            GRAPH + "control: {key_management: {algorithm: poll}}\n",
            ["6:39: unknown key management algorithm 'poll' (did you mean 'pool'?)"],
        ),
        (
            GRAPH + "control: {routing: {k_paths: 1.5}}\n",
            ["6:30: '1.5' is not a whole number: write digits only, such as '3'"],
        ),
    ],
)
def test_a_mistake_has_place_reason_and_remedy(text: str, told: list[str]) -> None:
    assert mistakes(text) == told


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("a", "7:5: 'a' is not a link: write 'a -- b', or 'a -- b/name' for one of several parallel links"),
        (
            "a -- b -- c",
            ("7:5: 'a -- b -- c' is not a link: write 'a -- b', or 'a -- b/name' for one of several parallel links"),
        ),
        ("a -- a", "7:5: 'a -- a' joins 'a' to itself: a link needs two different nodes"),
        ("a --   bb", "7:12: unknown node 'bb' (did you mean 'b'?)"),
        ("'a --   bb'", "7:5: unknown node 'bb' (did you mean 'b'?)"),
        ("z -- b: {length: 3 km}", "7:5: unknown node 'z' (known: 'a', 'b', 'c')"),
        (
            "b -- a",
            (
                "7:5: duplicate link 'b -- a' (the first is in line 6; a parallel link "
                "needs a name of its own, such as 'b -- a/second')"
            ),
        ),
        ("a -- c: 12 km", ("7:13: links[1].a -- c is a text, where a mapping that describes a link is wanted")),
        (
            "[a, b]",
            (
                "7:5: links[1] is a list, where a link (write '- a -- b', or '- a -- b: "
                "{length: 12 km}' with values of its own) is wanted"
            ),
        ),
        (
            "{a -- c: , b -- c: }",
            (
                "7:5: 2 keys in one item of 'links' (write '- a -- b', or '- a -- b: "
                "{length: 12 km}' with values of its own, indented below it)"
            ),
        ),
        ("a -- c: {total_loss: 3 dB/km}", "7:26: '3 dB/km' has an unknown unit 'dB/km': a loss takes one of dB"),
    ],
)
def test_a_wrong_link_is_told(item: str, told: str) -> None:
    text = HEAD + f"nodes: {{a: , b: , c: }}\nlinks:\n  - a -- b\n  - {item}\n"
    assert mistakes(text) == [told]


def test_a_wrong_value_of_a_link_is_told_once_and_hides_nothing_else() -> None:
    text = HEAD + ("nodes: {a: , b: , c: }\nlinks:\n  - a -- b: {length: 3}\n  - b -- c: {lenght: 3 km}\n  - c -- d\n")
    assert [line.split(":")[0] for line in mistakes(text)] == ["6", "7", "8"]


def test_a_link_needs_a_device_and_a_length_from_somewhere() -> None:
    text = "format: 1\nname: t\nnodes: {a: , b: , c: }\nlinks:\n  - a -- b\n  - b -- c: {device: generic-decoy-bb84}\n"
    assert mistakes(text) == [
        "5:5: link 'a -- b' has no device (give one here or under defaults.link)",
        ("5:5: link 'a -- b' has no length (give 'length' or a measured 'total_loss', here or under defaults.link)"),
        ("6:5: link 'b -- c' has no length (give 'length' or a measured 'total_loss', here or under defaults.link)"),
    ]


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (
            "{user: alice, saes: {x: km0}}",
            (
                "9:28: an app has two SAEs, not 1: write {app-a: km0, app-b: km1} "
                "(or add 'selfpair: true' for an SAE that is master and slave of itself)"
            ),
        ),
        (
            "{user: alice, saes: {x: km0, y: km1}, selfpair: true}",
            (
                "9:28: an app with 'selfpair: true' has one SAE, master and slave of itself, not 2 "
                "(leave 'selfpair' out)"
            ),
        ),
        (
            "{user: alice, saes: {x: km0}, selfpiar: true}",
            "9:38: unknown key 'selfpiar' in an app (did you mean 'selfpair'?)",
        ),
        ("{user: alice, saes: {x: km0}, selfpair: ture}", "9:48: unknown answer 'ture' (did you mean 'true'?)"),
        (
            "{user: alice, saes: {}, selfpair: true}",
            "9:28: an app has two SAEs, not 0: write {app-a: km0, app-b: km1}",
        ),
        (
            "{user: alice, saes: {x: km0, y: km1, z: km2}}",
            "9:28: an app has two SAEs, not 3: write {app-a: km0, app-b: km1}",
        ),
        (
            "{user: alice, saes: {x: km0, y: km0}}",
            (
                "9:40: both SAEs are at 'km0': two SAEs of one node need no key "
                "from a network (give the second another node)"
            ),
        ),
        ("{user: alice, saes: {x: km0, y: km9}}", "9:40: unknown node 'km9' (did you mean 'km2'?)"),
        (
            "{user: alice, saes: {x: km0, -y: km1}}",
            (
                "9:37: '-y' cannot name an SAE: use letters, digits, '.', '_' "
                "and '-', with a letter or digit at both ends"
            ),
        ),
        (
            "{user: alice, saes: [x, y]}",
            ("9:28: apps.one.saes is a list, where a mapping from each of the app's two SAEs to its node is wanted"),
        ),
        ("{saes: {x: km0, y: km1}}", "9:8: 'user' is missing in an app (the owner of the app, under `users`)"),
        ("{user: , saes: {x: km0, y: km1}}", "9:9: 'user' has no value (the owner of the app, under `users`)"),
    ],
)
def test_a_wrong_app_is_told(app: str, told: str) -> None:
    assert mistakes(USERS + f"apps:\n  one: {app}\n") == [told]


def test_one_sae_may_be_both_ends_where_the_app_says_so() -> None:
    text = (
        USERS
        + "apps:\n  one: {user: alice, saes: {x: km0}, selfpair: true}\n  two: {user: alice, saes: {y: km0, z: km1}}\n"
    )
    one, two = network(text).value.apps
    assert one.is_selfpair
    assert one.ends == (Endpoint(SaeId("x"), NodeId("km0")),) * 2
    assert not two.is_selfpair


def test_an_empty_app_lacks_both() -> None:
    assert mistakes(USERS + "apps: {one: }\n") == [
        "8:8: 'user' is missing in an app (the owner of the app, under `users`)",
        "8:8: 'saes' is missing in an app (the app's two SAEs and the nodes that serve them)",
    ]


def test_an_sae_is_at_one_node() -> None:
    apps = "apps:\n  one: {user: alice, saes: {x: km0, y: km1}}\n  two: {user: alice, saes: {z: km0, y: km2}}\n"
    assert mistakes(USERS + apps) == ["10:40: SAE 'y' is at 'km2' (it is at 'km1' in line 9; one SAE, one node)"]


def test_an_sae_may_have_an_app_with_each_of_several_peers() -> None:
    apps = "apps:\n  one: {user: alice, saes: {x: km0, y: km1}}\n  two: {user: alice, saes: {z: km2, x: km0}}\n"
    one, two = network(USERS + apps).value.apps
    assert one.ends[0] == two.ends[1] == Endpoint(SaeId("x"), NodeId("km0"))


def test_an_sae_has_one_owner() -> None:
    users = USERS.replace("{alice: {sla: gold}}", "{alice: {sla: gold}, bob: {sla: gold}}")
    apps = "apps:\n  one: {user: alice, saes: {x: km0, y: km1}}\n  two: {user: bob, saes: {x: km0, z: km2}}\n"
    assert mistakes(users + apps) == [
        "10:26: SAE 'x' belongs to 'alice', not to 'bob' (the apps of one SAE have one user)"
    ]


def test_two_saes_have_one_app_in_common() -> None:
    apps = "apps:\n  one: {user: alice, saes: {x: km0, y: km1}}\n  two: {user: alice, saes: {y: km1, x: km0}}\n"
    assert mistakes(USERS + apps) == ["10:28: 'y' and 'x' have an app in common already (leave one out)"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_sae_that_is_its_own_peer_has_no_other(order: tuple[int, int]) -> None:
    lines = ["{user: alice, saes: {x: km0}, selfpair: true}", "{user: alice, saes: {x: km0, y: km1}}"]
    apps = "apps:\n" + "".join(f"  app{index}: {lines[index]}\n" for index in order)
    assert mistakes(USERS + apps) == ["10:29: SAE 'x' is in another app (master and slave of itself, it has but one)"]


def test_a_burst_below_one_key_is_told() -> None:
    assert mistakes(USERS.replace("burst: 1 kbit", "burst: 128 bit")) == [
        (
            "6:51: burst 128 bit is smaller than a key of 256 bit: no request could be served "
            "(raise it, or lower control.key_management.key_size)"
        )
    ]


def test_a_name_that_is_none_is_not_proposed() -> None:
    text = HEAD + "nodes: {km--1: , km2: , km3: }\nlinks: [km2 -- km3, km--1 -- km2, km3 -- zz]\n"
    assert mistakes(text)[-1] == "5:42: unknown node 'zz' (known: 'km2', 'km3')"


def test_a_section_that_cannot_be_read_makes_no_further_mistakes() -> None:
    """Nodes, users or links that are wrong as a whole may hold any name."""
    broken = USERS.replace("{alice: {sla: gold}}", "[alice]") + "apps: {one: {user: bob, saes: {x: km0, y: km1}}}\n"
    assert [line.split(" ")[0] for line in mistakes(broken)] == ["7:8:"]
    broken = USERS.replace("nodes: {", "nods: {")
    assert [line.split(" ")[0] for line in mistakes(broken)] == ["4:1:"]
    broken = USERS.replace("[km0 -- km1, km1 -- km2]", "[km0 - km1]")
    broken += "apps: {one: {user: alice, saes: {x: km0, y: km1}}}\n"
    assert [line.split(" ")[0] for line in mistakes(broken)] == ["5:9:"]


def test_more_mistakes_than_anyone_mends_at_once_are_counted() -> None:
    told = mistakes(GRAPH + "".join(f"key{number}: x\n" for number in range(130)))
    assert len(told) == 101
    assert told[-1] == "30 more mistakes are not shown"


# --- names that come from outside -----------------------------------------------------------------------------------


def test_the_names_that_files_know_are_those_that_exist() -> None:
    assert BROUGHT.media == tuple(MEDIA)
    assert BROUGHT.metrics == tuple(METRICS)
    assert BROUGHT.algorithms == tuple(ALGORITHMS)
    assert BROUGHT.protocols == {name: protocol.device for name, protocol in PROTOCOLS.items()}


def test_a_plug_in_adds_names() -> None:
    source = Source("plug.yaml", (GRAPH + "control: {routing: {metric: quietest}}\n").encode())
    assert check_network(source, Known(metrics=("hops", "quietest"))).value.control.routing.metric == "quietest"


# --- examples -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", networks())
def test_the_examples_hold_no_doubt_and_say_where_they_come_from(name: str) -> None:
    blueprint = read_network(name)
    assert blueprint.name == name
    assert blueprint.about


def test_nsf14_has_14_nodes_and_21_links_none_of_them_too_long() -> None:
    topology = read_network("nsf14").topology
    assert (len(topology.nodes), len(topology.links)) == (14, 21)
    assert sorted(len(topology.links_of(node.id)) for node in topology.nodes) == [2, 2, *[3] * 10, 4, 4]
    assert max(link.length for link in topology.links) == 70.0
    assert "divided by 40" in read_network("nsf14").about


def test_ring5_is_a_ring_and_every_app_crosses_it() -> None:
    ring = read_network("ring5")
    assert all(len(ring.topology.links_of(node.id)) == 2 for node in ring.topology.nodes)
    joined = {frozenset(link.ends) for link in ring.topology.links}
    assert all(frozenset(end.node for end in app.ends) not in joined for app in ring.apps)
