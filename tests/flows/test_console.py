"""Progress: rates and time left are arithmetic, and a log file gets a line from time to time."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flows.progress as progress
from flows.console import ConsoleProgress, Pace, in_clock
from flows.progress import FlowProgress, artifact_key


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_time_left_come_from_what_is_done() -> None:
    clock = Clock()
    pace = Pace("x", 10, clock)
    assert pace.text() == "0/10 parts"
    assert pace.left() is None
    clock.now = 8.0
    pace.step(4)
    assert (pace.rate(), pace.left(), pace.percent()) == (0.5, 12.0, 40.0)
    assert pace.text() == "4/10 parts  0.5 parts/s  12.0 s left"
    pace.step(6)
    clock.now = 20.0
    pace.end()
    clock.now = 99.0
    assert pace.text() == "10/10 parts  20.0 s  0.5 parts/s"


@given(
    total=st.integers(0, 50),
    steps=st.lists(st.tuples(st.integers(0, 20), st.floats(-5, 5)), max_size=20),
)
def test_no_figure_is_ever_negative_or_above_all(total: int, steps: list[tuple[int, float]]) -> None:
    clock = Clock()
    pace = Pace("x", total, clock)
    for done, passed in steps:
        clock.now += passed  # clocks are set back
        pace.step(done)
        assert 0 <= pace.percent() <= 100
        assert pace.left() is None or pace.left() >= 0
        assert "-" not in pace.text().replace("e-", "")


def test_a_clock_for_people() -> None:
    assert [in_clock(s) for s in (7.46, 61, 3725)] == ["7.5 s", "1:01", "1:02:05"]


def test_a_log_file_gets_lines_while_nothing_is_finished_and_one_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    console = ConsoleProgress(log_seconds=0.05)
    console.init("powerwalk", 4)
    time.sleep(0.3)
    console.step(4)
    console.close()
    *during, last = capsys.readouterr().err.splitlines()
    assert len(during) >= 2
    assert all(re.fullmatch(r"powerwalk +0/4 parts", line) for line in during)
    assert re.fullmatch(r"powerwalk +4/4 parts +0\.\d s +[\d.]+ parts/s", last)


class FakeClient:
    """Notes what is sent; ``broken`` refuses everything, ``hung`` answers when it is let."""

    def __init__(self, *, broken: bool = False, hung: threading.Event | None = None) -> None:
        self.sent: list[tuple[str, float]] = []
        self._broken, self._hung = broken, hung

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *error: object) -> None: ...

    def create_artifact(self, artifact: Any) -> Any:
        self._take(artifact.key, artifact.data)
        return type("Made", (), {"id": artifact.key})

    def update_artifact(self, id: Any, artifact: Any) -> None:
        self._take(id, artifact.data)

    def _take(self, key: str, percent: float) -> None:
        if self._hung is not None:
            self._hung.wait(30)
        if self._broken:
            raise ConnectionError("the server is gone")
        self.sent.append((key, percent))


def build_with(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "get_client", lambda sync_client: client)
    with FlowProgress("My Index") as shown:
        for stage in ("ann.nodes", "lsh"):
            shown.init(stage, 100)
            for _ in range(100):
                shown.step()
            shown.close()


def test_the_server_is_told_little_and_the_last_word_of_every_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeClient()
    build_with(client, monkeypatch)
    assert dict(client.sent) == {"my-index-ann-nodes": 100.0, "my-index-lsh": 100.0}
    assert len(client.sent) <= 4


def test_a_server_that_is_gone_or_hangs_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    build_with(FakeClient(broken=True), monkeypatch)
    monkeypatch.setattr(progress, "FLUSH_SECONDS", 0.1)
    release = threading.Event()
    hung = FakeClient(hung=release)
    build_with(hung, monkeypatch)
    assert hung.sent == []
    release.set()


def test_keys_are_what_prefect_allows() -> None:
    assert artifact_key("Déjà_Vu-ann.nodes") == "d-j-vu-ann-nodes"
