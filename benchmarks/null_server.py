"""`python -m benchmarks.null_server PORT KEYS COMMITS CERTIFICATE KEY CA`: the reference of the live benchmark.

The smallest uvicorn program that answers a request for keys over mutual TLS: always the same body, whoever asks.
COMMITS is a file in which each answer is first made durable, or "" for none.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import ssl
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from benchmarks.lifeline import end_with_parent

Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[dict[str, Any], object, Send], Awaitable[None]]


def body_of(keys: int) -> bytes:
    """Return a key container of ETSI GS QKD 014 V1.1.1 (clause 6.3) with so many keys of 256 bit."""
    entries = [
        {
            "key_ID": f"00000000-0000-4000-8000-{number:012x}",
            "key": base64.b64encode(number.to_bytes(32, "big")).decode(),
        }
        for number in range(1, keys + 1)
    ]
    return json.dumps({"keys": entries}, separators=(",", ":")).encode()


def app_of(body: bytes, commit: Callable[[], None]) -> App:
    """Return the program; it knows neither paths nor callers."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    rest = {"type": "http.response.body", "body": body}

    async def app(scope: dict[str, Any], receive: object, send: Send) -> None:
        del scope, receive
        commit()
        await send(start)
        await send(rest)

    return app


def committing(path: str) -> Callable[[], None]:
    """Return what makes one row durable, as SQLite does it by its own means: write-ahead log, one sync a commit."""
    if not path:
        return lambda: None
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE handed_out (octets BLOB)")
    row = (bytes(100),)

    def commit() -> None:
        connection.execute("INSERT INTO handed_out VALUES (?)", row)

    return commit


def main(port: str, keys: str, commits: str, certificate: str, key: str, ca: str) -> None:
    """Serve until whoever started this has gone."""
    end_with_parent()
    uvicorn.run(
        app_of(body_of(int(keys)), committing(commits)),
        port=int(port),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ca_certs=ca,
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
