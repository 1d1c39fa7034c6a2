"""The server of the bus: which program it is, and the configuration that gives each identity its own subjects."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keytwin.runtime.bus_nats import LARGEST, MOST_OCTETS, PATIENCE, REMEDY, command_subject, event_subject
from keytwin.runtime.identities import Identity
from keytwin.runtime.leaves import LeafFiles
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.identity import NodeId

PROGRAM: Final = "nats-server"
PAUSE: Final = 0.02  # seconds between two looks whether it listens


@dataclass(frozen=True, slots=True)
class BusServer:
    """What a server is configured with: `control` and each node's key manager are let in, and nobody else."""

    network: str
    address: tuple[str, int]
    files: LeafFiles
    control: Identity
    key_managers: tuple[tuple[NodeId, Identity], ...]

    def configuration(self) -> str:
        """Return the text of its configuration file; what stands in JSON is read by NATS as well."""
        host, port = self.address
        return json.dumps(
            {
                "listen": f"{host}:{port}",
                "max_payload": 2 * LARGEST,
                "max_pending": 2 * MOST_OCTETS,
                "write_deadline": f"{PATIENCE}s",
                "tls": {
                    "cert_file": str(self.files.certificate),
                    "key_file": str(self.files.key),
                    "ca_file": str(self.files.trusted),
                    "verify_and_map": True,
                    "timeout": PATIENCE,
                },
                "authorization": {"users": list(self._users())},
            },
            indent=2,
        )

    def _users(self) -> Iterable[dict[str, object]]:
        yield self._user(self.control, "km.*.cmd", "km.*.evt")
        for node, identity in self.key_managers:
            yield self._user(identity, event_subject(node), command_subject(node))

    def _user(self, identity: Identity, speaks: str, hears: str) -> dict[str, object]:
        return {"user": identity.uri(self.network), "permissions": {"publish": [speaks], "subscribe": [hears]}}


def program() -> Path:
    """Return where the server's program is; Refusal, with what to install, where it is missing."""
    beside = Path(sys.executable).parent / PROGRAM  # where its wheel puts it
    found = beside if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise Refusal(f"key managers in processes of their own need the program {PROGRAM}, which is not here: {REMEDY}")
    return Path(found)


async def listens(address: tuple[str, int], longest: float) -> bool:
    """Wait until a server accepts connections; False when it does not within so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(longest):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection(*address)
                    writer.close()
                    return True
                await asyncio.sleep(PAUSE)
    return False
