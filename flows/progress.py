"""Progress of a flow run: on the console, and as one Prefect progress artifact per stage.

Artifacts are sent by a thread of their own that keeps only the newest state of each stage: a server that is slow, or
gone, costs the build nothing.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any, final
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.context import FlowRunContext, TaskRunContext

from flows.console import ConsoleProgress, Pace
from foundation.progress import Progress

UPDATE_SECONDS = 1.0  # least time between two updates
GIVE_UP_SECONDS = 30.0  # for which a server that refused is left alone
FLUSH_SECONDS = 3.0  # that the end of a build waits for what is still to be said


@final
@dataclass(slots=True, eq=False)
class _Shown:
    """One stage's artifact: what it is to say, and what it said last."""

    key: str
    flow_run: UUID | None
    task_run: UUID | None
    percent: float = 0.0
    text: str = ""
    sent: tuple[float, str] | None = None
    id: UUID | None = None


@final
class FlowProgress(Progress):
    """Tells console and server; a context manager that gives the last words a moment to arrive."""

    def __init__(self, index: str) -> None:
        self._console = ConsoleProgress()
        self._index = index
        self._pace = Pace("", 0)
        self._stage: _Shown | None = None
        self._waiting: list[_Shown] = []
        self._changed = threading.Condition()
        self._ending = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> FlowProgress:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(FLUSH_SECONDS)

    def init(self, label: str, total: int) -> None:
        self._console.init(label, total)
        self._pace = Pace(label, total)
        flow, task = FlowRunContext.get(), TaskRunContext.get()
        self._stage = _Shown(
            key=artifact_key(f"{self._index}-{label}"),
            flow_run=None if flow is None or flow.flow_run is None else flow.flow_run.id,
            task_run=None if task is None else task.task_run.id,
        )
        self._show()

    def step(self, done: int = 1) -> None:
        self._console.step(done)
        self._pace.step(done)
        self._show()

    def close(self) -> None:
        self._console.close()
        self._pace.end()
        self._show()

    def _show(self) -> None:
        stage = self._stage
        assert stage is not None  # init comes first
        with self._changed:
            stage.percent, stage.text = self._pace.percent(), self._pace.text()
            if stage not in self._waiting:
                self._waiting.append(stage)
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_all, name="progress artifacts", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _send_all(self) -> None:
        """Until the end: the newest state of each stage, at most one a second; then all that is left at once."""
        with contextlib.ExitStack() as stack:
            client: Any = None
            while (stage := self._next()) is not None:
                try:
                    client = client or stack.enter_context(get_client(sync_client=True))
                    _send(client, stage)
                    self._rest(UPDATE_SECONDS)
                except Exception:  # whatever is wrong with the server, a picture of the work is not worth the work
                    with self._changed:
                        if not self._ending and stage not in self._waiting:
                            self._waiting.append(stage)
                    self._rest(GIVE_UP_SECONDS)

    def _next(self) -> _Shown | None:
        with self._changed:
            while not self._waiting and not self._ending:
                self._changed.wait()
            return self._waiting.pop(0) if self._waiting else None

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            while not self._ending and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)


def artifact_key(text: str) -> str:
    """A name as Prefect allows for artifacts: lower-case letters, digits and dashes."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower()).split("-")
    return "-".join(filter(None, words))


def _send(client: Any, stage: _Shown) -> None:
    percent, text = stage.percent, stage.text
    if (percent, text) == stage.sent:
        return
    if stage.id is None:
        stage.id = client.create_artifact(
            ArtifactCreate(
                type="progress",
                key=stage.key,
                description=text,
                data=percent,
                flow_run_id=stage.flow_run,
                task_run_id=stage.task_run,
            )
        ).id
    else:
        client.update_artifact(stage.id, ArtifactUpdate(data=percent, description=text))
    stage.sent = percent, text
