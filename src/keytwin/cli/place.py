"""Where networks are and keep their state, as the user's options and environment say: read here and nowhere below."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from keytwin.cli.passphrase import Asking
from keytwin.cli.values import Number
from keytwin.operation.settings import BASE_PORT, HOST, BroughtAuthority, Misbehaviour, UpSettings
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.timeline import Scenario

if TYPE_CHECKING:
    from keytwin.operation.console import Console
    from keytwin.operation.whereabouts import Whereabouts

StateOption = Annotated[
    Path | None,
    Parameter(
        help="Folder of the network's state. Without it: the network that runs, where only one does.", name="--state"
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a network is to run."""

    base_port: Annotated[
        Number, Parameter(help="First of its ports: the operator's. Each node has two more, in the order of the file.")
    ] = BASE_PORT
    port_004: Annotated[
        Number | None,
        Parameter(
            help="First port of the binary ETSI GS QKD 004, one for each node; without it, none.", name="--port-004"
        ),
    ] = None
    host: Annotated[str, Parameter(help="Name or address at which the faces for SAEs listen.")] = HOST
    state: Annotated[Path | None, Parameter(help="Folder of its state, kept from one start to the next.")] = None
    authority: Annotated[
        Path | None, Parameter(help="Certificate of an authority of your own, to issue all others (PEM).")
    ] = None
    authority_key: Annotated[Path | None, Parameter(help="Its key (PEM, readable by its owner only).")] = None
    processes: Annotated[
        bool,
        Parameter(help="Give each key manager a process of its own, and control one; what dies is started again."),
    ] = False

    def settings(self, network: str, speed: float = 1.0, misbehaviour: Misbehaviour | None = None) -> UpSettings:
        """Return the settings for a network of a file or of the library; Mistake when they are none."""
        from keytwin.operation.whereabouts import state_of
        from keytwin.scenario.load import load

        loaded = load(network)
        if isinstance(loaded, Scenario):
            raise Mistake(f"{network} is a scenario, for virtual time (keytwin run): name a network")
        state = state_of(loaded.name, state_root(), self.state)
        return UpSettings(
            loaded,
            state,
            speed,
            self.base_port,
            self.host,
            misbehaviour,
            authority=self._brought_authority(),
            port_004=self.port_004,
            has_processes=self.processes,
        )

    def _brought_authority(self) -> BroughtAuthority | None:
        if self.authority is None and self.authority_key is None:
            return None
        if self.authority is None or self.authority_key is None:
            raise Mistake("an authority has a certificate and a key: give both --authority and --authority-key")
        return BroughtAuthority(self.authority, self.authority_key)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Place):
    """Where a network is to run, and what its journal is opened with."""

    sealed: Annotated[
        bool, Parameter(help="At its first start: keep the journal under a passphrase, which every start then needs.")
    ] = False
    sealed_by: Annotated[
        str,
        Parameter(help="As --sealed, but under an AES key in a hardware token: its PKCS#11 URI. The PIN is asked for."),
    ] = ""
    passphrase_fd: Annotated[
        int | None,
        Parameter(help="File descriptor to read the passphrase or PIN from, to its end or the first line's."),
    ] = None

    def settings(self, network: str, speed: float = 1.0, misbehaviour: Misbehaviour | None = None) -> UpSettings:
        """Return the settings, and how the journal is opened."""
        settings = Place.settings(self, network, speed, misbehaviour)
        asking = Asking(self.passphrase_fd)
        return replace(settings, seals=self.sealed, token=self.sealed_by, ask_passphrase=asking)


USUAL_PLACE: Final = Place()
USUAL_START: Final = Start()


def state_root() -> Path:
    """Return the folder below which states lie when the user names none."""
    from keytwin.operation.whereabouts import default_root

    return default_root(os.environ.get("XDG_STATE_HOME"), Path.home())


def running(state: Path | None) -> Whereabouts:
    """Return the network that a command is about; Refusal when none runs."""
    from keytwin.operation.whereabouts import find

    return find(state, state_root())


def console(state: Path | None) -> Console:
    """Return the operator's access to the network that a command is about."""
    from keytwin.operation.console import Console

    return Console(running(state))
