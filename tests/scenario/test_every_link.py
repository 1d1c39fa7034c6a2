"""Every protocol over every medium, from files: a network runs and delivers, or a mistake says why it cannot.

Each cell of the matrix is written as a user would write it, and run in virtual time.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

import keytwin
from keytwin.files.library import device_names
from keytwin.quantum.protocols import PROTOCOLS
from keytwin.vocabulary.errors import FileMistake
from tests.quantum.everyone import DEVICES

MEDIA: Final = MappingProxyType(
    {
        "fibre": "length: 10 km, loss: 0.2 dB/km",
        "lit fibre": "length: 10 km, loss: 0.2 dB/km, fibre: {copropagating: 1, power: 1 uW}",
        "free space": "medium: free-space, length: 1 km, free-space: {sky: night}",
        "clouds": "medium: free-space, length: 1 km, free-space: {sky: night, clear: 10 min, overcast: 30 s}",
        "satellite": "medium: satellite, satellite: {first: 1 min, sky: night, receiver: 3 m, closest: 500 km}",
        "satellite with clouds": (
            "medium: satellite, satellite: {first: 1 min, sky: night, receiver: 3 m, closest: 500 km, "
            "clear: 100 h, overcast: 1 min}"
        ),
    }
)
"""What a link says of what lies between its modules."""
SKY: Final = ("satellite", "satellite with clouds")
AIR: Final = ("free space", "clouds")
WAITING: Final = MappingProxyType({**dict.fromkeys(SKY, 20), "repeater-chain": 12, "e91-device-independent": 25})
"""Minutes before key is asked for: after the pass, or after a long block."""


def _all(protocols: str, media: Iterable[str], reason: str) -> dict[tuple[str, str], str]:
    return dict.fromkeys(product(protocols.split(), media), reason)


FORBIDDEN: Final = MappingProxyType(
    {
        **_all("bb84-no-decoy", SKY, r"43\.1% of what is detected would be wrong, .* it reaches 9\.2 dB"),
        **_all("sarg04", SKY, r"dark counts take over where so little light arrives; it reaches 18\.0 dB"),
        **_all("bbm92 e91", SKY, "between ground and satellite nothing can stand"),
        **_all("e91-device-independent", SKY, "its heralds would come too late for any memory of today"),
        **_all("gg02-homodyne gg02-heterodyne", SKY, "what changes within a block counts as excess noise"),
        **_all("mdi twin-field-cal twin-field-pm", SKY, "pulses of both ends would have to meet on board"),
        **_all("twin-field-cal twin-field-pm", AIR, "air turns the phase of light faster than two senders can be kept"),
        **_all("repeater-chain", (*AIR, *SKY), "a chain needs stations along its way, joined by fibre"),
    }
)
"""What physics forbids, and what the mistake says of it; the place in the file comes first."""


def network(protocol: str, medium: str) -> str:
    """Return the network of one such link, as a user would write it."""
    return f"""\
format: 1
name: one-link
nodes: {{a: , b: }}
links:
  - a -- b: {{device: {DEVICES[protocol].name}, {MEDIA[medium]}}}
slas: {{slow: {{priority: 0, rate: 1 bit/s, burst: 2 kbit}}}}
users: {{user: {{sla: slow}}}}
apps: {{app: {{user: user, saes: {{one: a, two: b}}}}}}
control:
  monitoring: {{probe_period: 1 h, report_period: 1 min}}
  admission: {{inactivity_timeout: 1 h}}
"""


def scenario(asked: int) -> str:
    """Return the scenario in which two keys are asked for after so many minutes."""
    return f"""\
format: 1
name: two-keys
network: network.yaml
duration: {asked + 5} min
timeline:
  - {{at: {asked} min, open: app}}
  - {{at: {asked} min, ask: {{app: app, number: 2}}}}
  - {{at: {asked + 3} min, close: app}}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "medium"), [*product(sorted(PROTOCOLS), MEDIA)])
def test_it_runs_or_the_file_says_why_not(protocol: str, medium: str, tmp_path: Path) -> None:
    (tmp_path / "network.yaml").write_text(network(protocol, medium), "utf-8")
    file = tmp_path / "two-keys.yaml"
    file.write_text(scenario(WAITING.get(medium, WAITING.get(protocol, 2))), "utf-8")
    reason = FORBIDDEN.get((protocol, medium))
    if reason is not None:
        with pytest.raises(FileMistake, match=rf"network\.yaml:5:5: link a--b: .*{reason}"):
            keytwin.load(file)
        return
    evidence = keytwin.run(file, seed=3).evidence
    assert evidence.equal == evidence.pairs == 2
    assert {account.balance for account in evidence.links} == {0}


def test_a_device_of_each_protocol_is_shipped() -> None:
    assert {DEVICES[protocol].name for protocol in PROTOCOLS} <= set(device_names())
