"""A proxy before the S3 server that misbehaves as told: errors, cut answers, flipped bits, lost connections."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Fault = str | None  # "error", "cut", "flip", "drop", or nothing
Plan = Callable[[str, str], Fault]  # told the method and the path of each request


class FaultyS3:
    """Forwards to ``target``; ``plan`` says what goes wrong with which request, ``faults`` counts it."""

    def __init__(self, target: str) -> None:
        self.plan: Plan = lambda method, path: None
        self.faults = 0
        host, port = urlsplit(target).hostname, urlsplit(target).port
        assert host is not None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self._body()
                fault = outer.plan(self.command, self.path)
                outer.faults += fault is not None
                if fault == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                if fault == "error":
                    self._answer(503, {"Content-Type": "application/xml"}, b"<Error><Code>InternalError</Code></Error>")
                    return
                upstream = http.client.HTTPConnection(host, port, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
                upstream.request(self.command, self.path, body=body, headers=headers)
                answer = upstream.getresponse()
                data = answer.read()
                upstream.close()
                headers = dict(answer.getheaders())
                if fault == "flip" and data:
                    data = data[:-1] + bytes([data[-1] ^ 1])
                    headers = {name: value for name, value in headers.items() if "checksum" not in name.lower()}
                self._answer(answer.status, headers, data, cut=fault == "cut")

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

            def _body(self) -> bytes:
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    found = b""
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        found += self.rfile.read(size)
                        self.rfile.readline()
                    while self.rfile.readline().strip():
                        pass
                    return found
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def _answer(self, status: int, headers: dict[str, str], data: bytes, *, cut: bool = False) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "server", "date", "transfer-encoding"):
                        self.send_header(name, value)
                head = self.command == "HEAD"
                length = headers.get("content-length", headers.get("Content-Length", "0")) if head else str(len(data))
                self.send_header("Content-Length", length)
                self.end_headers()
                if not head:
                    self.wfile.write(data[: len(data) // 2] if cut else data)
                if cut:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[FaultyS3]:
        """Answer until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
