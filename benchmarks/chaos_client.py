"""One app's two SAEs as a process of `benchmarks.chaos`: takes keys at one end, fetches them at the other, takes notes.

Stdin holds the two ends (JSON); each line of stdout is one `Turn`. A request is repeated until it is answered, as a
careful client does: after a broken connection or a 503, a fifth of a second later. What was asked again after an answer
that never ended is marked, as its key may have been used up by that answer.
"""

from __future__ import annotations

import base64
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from keytwin.operation.calls import Caller, leaf_files
from keytwin.operation.certification import sae_identity
from keytwin.service.operator_values import SaeStatus
from keytwin.vocabulary.errors import Refusal

PAUSE: Final = 0.2  # seconds between two attempts
LONGEST: Final = 30.0  # seconds until a request counts as never answered
PATIENCE: Final = 3.0  # seconds for one attempt: a process that is stopped does not close its connections
OK: Final = 200
LATER: Final = 503
AGAIN: Final = 10  # of so many keys one is fetched a second time, which must be refused


class Turn(msgspec.Struct, frozen=True):
    """One key, or why there was none: `took` and `fetched` in seconds with all attempts; None = never answered."""

    started: float  # by the monotonic clock, which all processes of a machine share
    took: float | None
    fetched: float | None = None
    key_id: str = ""
    digests: tuple[str, ...] = ()  # of the key at the first end, and at the second
    is_unfinished: bool = False  # whether an answer of the second end broke off before
    refusal: str = ""
    is_twice: bool = False


@dataclass(slots=True)
class Reply:
    """How a request ended, all attempts together."""

    seconds: float | None = None
    body: bytes = b""
    refusal: str = ""
    is_unfinished: bool = False


class Client:
    """An SAE."""

    def __init__(self, end: SaeStatus) -> None:
        self._caller = Caller(end.url, leaf_files(sae_identity(end.sae), end.files), PATIENCE)
        self._prefix = f"/api/v1/keys/{end.peer}"

    def ask(self, target: str) -> Reply:
        """Ask until there is an answer."""
        began, reply = time.monotonic(), Reply()
        while time.monotonic() - began < LONGEST:
            try:
                answer = self._caller.ask("GET", f"{self._prefix}/{target}")
            except Refusal as refusal:
                reply.refusal = str(refusal)
                reply.is_unfinished |= not isinstance(refusal.__cause__, ConnectionRefusedError)
            else:
                if answer.status != LATER:
                    reply.seconds = time.monotonic() - began
                    is_good = answer.status == OK
                    reply.body = answer.body if is_good else b""
                    reply.refusal = "" if is_good else f"{answer.status} {answer.body[:100].decode(errors='replace')}"
                    return reply
                reply.refusal = "503"
            time.sleep(PAUSE)
        return reply


def turn(first: Client, second: Client, *, again: bool) -> Turn:
    """Take one key and fetch it."""
    started = time.monotonic()
    taken = first.ask("enc_keys")
    if not taken.body:
        return Turn(started, taken.seconds, refusal=taken.refusal)
    key_id, digest = read(taken.body)
    fetched = second.ask(f"dec_keys?key_ID={key_id}")
    seen = (digest, read(fetched.body)[1]) if fetched.body else (digest,)
    is_twice = again and bool(second.ask(f"dec_keys?key_ID={key_id}").body)
    return Turn(started, taken.seconds, fetched.seconds, key_id, seen, fetched.is_unfinished, fetched.refusal, is_twice)


def read(body: bytes) -> tuple[str, str]:
    """Return a key's identifier and a digest of it."""
    (entry,) = msgspec.json.decode(body)["keys"]
    return entry["key_ID"], sha256(base64.b64decode(entry["key"], validate=True)).hexdigest()


def main(pause: str, seconds: str) -> None:
    """Take turns for so many seconds, with a pause between two."""
    ends = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[SaeStatus, SaeStatus])
    first, second = map(Client, ends)
    end, number = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        number += 1
        done = turn(first, second, again=number % AGAIN == 0)
        sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
        sys.stdout.buffer.flush()
        time.sleep(float(pause))


if __name__ == "__main__":
    main(*sys.argv[1:])
