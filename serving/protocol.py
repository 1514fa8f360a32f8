"""HTTP on a connection, with limits on how a request arrives and its answer leaves.

uvicorn's own protocol has none: a caller could send headers without end, or a byte a minute on a thousand connections,
or ask for large answers and never read them. How large a body may be, and how long one waits for it, is in
`serving.inputs` and `serving.answering`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 << 10  # bytes of request line and headers
HEAD_SECONDS = 10.0  # from the first byte of a request, or from the connection, to the end of its headers
WHOLE_SECONDS = 300.0  # from there to the end of its body, also of one that was refused and still arrives
READ_SECONDS = 30.0  # that a caller may take no byte of an answer which it does not take all at once
_TOO_LARGE = "431 Request Header Fields Too Large"
_TOO_SLOW = "408 Request Timeout"


@final
class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools; a request too large or slow to arrive, or an answer not read, ends it."""

    when_lost: Callable[[], object] | None = None  # called after the connection's end
    _timer: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _in_head = True
    _n_head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait(HEAD_SECONDS, self._late_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._arrived()
        self._read()
        super().connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a head that goes on are counted."""
        before = self._in_head
        if before:
            self._n_head += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._in_head:
            if self._timer is None:  # of a body that came with its head there is nothing to wait for
                self._wait(WHOLE_SECONDS, self._late_body)
        elif not before:
            self._n_head = 0  # the end of a body, and at most the beginning of a head
        elif self._n_head > MAX_HEAD:
            self._end(_TOO_LARGE, f"the headers have more than {MAX_HEAD:,} bytes")
        elif self._n_head and self._timer is None:
            self._wait(HEAD_SECONDS, self._late_head)

    def on_headers_complete(self) -> None:
        """The body begins, if there is one."""
        self._in_head, self._n_head = False, 0
        self._arrived()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next request may begin; how long none may is uvicorn's to say."""
        self._in_head, self._n_head = True, 0
        self._arrived()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The caller does not take all at once: begin to look whether it takes anything."""
        super().pause_writing()
        self._read()
        self._look_again(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It took nearly all."""
        self._read()
        super().resume_writing()

    def _look_again(self, n_left: int) -> None:
        self._reading = asyncio.get_running_loop().call_later(READ_SECONDS, self._look_what_is_left, n_left)

    def _look_what_is_left(self, n_before: int) -> None:
        n_left = self.transport.get_write_buffer_size()
        if n_left < n_before:
            self._look_again(n_left)
        else:
            self.transport.abort()

    def _read(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _wait(self, seconds: float, late: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, late)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late_head(self) -> None:
        self._timer = None
        if self._n_head and not self.transport.is_closing():
            self._end(_TOO_SLOW, f"the headers did not arrive within {HEAD_SECONDS:g} s")
        else:
            self.transport.close()  # connected and said nothing: there is no request to answer

    def _late_body(self) -> None:
        self._timer = None
        self.transport.close()

    def _end(self, status: str, detail: str) -> None:
        """Answer with a problem and close the connection."""
        number, _, title = status.partition(" ")
        body = f'{{"type":"about:blank","title":"{title}","status":{number},"detail":"{detail}"}}'
        head = f"content-type: application/problem+json\r\nconnection: close\r\ncontent-length: {len(body)}"
        self.transport.write(f"HTTP/1.1 {status}\r\n{head}\r\n\r\n{body}".encode())
        self.transport.close()
