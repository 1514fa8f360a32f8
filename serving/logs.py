"""Lines for an operator on stderr: sentences for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, final

from serving.envelope import REQUEST_ID

Style = Literal["text", "json"]
STYLES: tuple[Style, ...] = ("text", "json")
MAX_CONTENT = 4096  # bytes of a question that are logged where that is asked for
_CONTENTS = ("body", "query")  # what people ask: only where it is asked for


@final
class Log:
    """Where a service says what it does.

    Parameters
    ----------
    style : "text" says what an operator should know; "json" says it in objects, and has one for every request too
    contents : with "json", log what was asked as well, `MAX_CONTENT` bytes of it
    to : stderr by default
    worker : named in every line, where there are several
    """

    def __init__(
        self, style: Style = "text", *, contents: bool = False, to: TextIO | None = None, worker: int | None = None
    ) -> None:
        self._style: Style = style
        self._json = style == "json"
        self._contents = contents
        self._to = to
        self._worker = worker

    def of(self, worker: int) -> Log:
        """The same log for one of several workers."""
        return Log(self._style, contents=self._contents, to=self._to, worker=worker)

    @property
    def takes_requests(self) -> bool:
        """Whether `note` is to be told of requests."""
        return self._json

    def say(self, text: str) -> None:
        """Write what an operator should know."""
        if not self._json:
            who = "" if self._worker is None else f"worker {self._worker}: "
            self._write(f"purlieu: {who}{text}\n")
            return
        request = REQUEST_ID.get()
        self._object("message", {"message": text} if request is None else {"message": text, "request": request})

    def note(self, facts: Mapping[str, Any]) -> None:
        """Write a line about a request."""
        line = {name: fact for name, fact in facts.items() if name not in _CONTENTS and fact is not None}
        if self._contents:
            for name in _CONTENTS:
                if content := facts.get(name):
                    line[name] = content[:MAX_CONTENT].decode(errors="replace")
        self._object("request", line)

    def _object(self, event: str, line: Mapping[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        if self._worker is not None:
            line = {"worker": self._worker, **line}
        self._write(json.dumps({"time": now, "event": event, **line}) + "\n")

    def _write(self, line: str) -> None:
        to = self._to or sys.stderr
        to.write(line)
        to.flush()
