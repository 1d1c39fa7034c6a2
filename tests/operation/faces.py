"""A face over real mutual TLS in a thread, answering as a test says; and certificates of everyone who takes part."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.pki import Authority
from keytwin.runtime.tls import server_context
from keytwin.service.http import Request, Response
from keytwin.service.operator_values import Credentials

HOSTS = ("localhost", "127.0.0.1")
Answering = Callable[[Request], Response | None]


def authority(folder: Path, network: str = "pair") -> Authority:
    return Authority.create(folder, network, datetime.now(UTC))


def issued(folder: Authority, role: Role, name: str) -> LeafFiles:
    identity = Identity(role, name)
    return folder.issue(identity, datetime.now(UTC), HOSTS if role.serves else ())


def credentials(files: LeafFiles) -> Credentials:
    return Credentials(str(files.certificate), str(files.key), str(files.trusted), str(files.revoked))


@contextmanager
def face(files: LeafFiles, answering: Answering) -> Iterator[str]:
    """Serve as the owner of these files; gives the URL. An answer None = the connection is closed without one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            kind = self.headers.get("Content-Type", "")
            response = answering(Request(self.command, self.path, kind, "", self.rfile.read(length)))
            if response is None:
                return
            self.send_response(response.status)
            for name, value in response.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        do_POST = do_GET  # noqa: N815  # as http.server names it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server names it
            del format, args

    class Server(ThreadingHTTPServer):
        def get_request(self) -> tuple[socket.socket, object]:
            connection, address = super().get_request()
            # A refused handshake is the client's to see: for the server it is one more connection that came to nothing.
            connection.settimeout(5)
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, request: object, client_address: object) -> None:
            del request, client_address

        def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
            with suppress(OSError, ssl.SSLError):
                super().shutdown_request(request)

    context = server_context(files)
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
