"""Worker processes: they answer together, one that dies is replaced, and all end in order with the first."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from artifacts.store import Store
from foundation.errors import InvalidParams
from serving.board import Board
from serving.figures import Figures
from serving.limits import Limits
from serving.server import serve
from tests.serving.fake_engine import publish_version
from tests.serving.live import until
from tests.serving.test_server import Process

# Servers of several processes, with engines that answer by rule.
SCRIPT = """
import functools, sys
import serving.server
from serving.api import create_app
from tests.serving.fake_engine import Opening
serving.server.create_app = functools.partial(create_app, opener=Opening())
keys = sys.argv[3] if len(sys.argv) > 3 else None
serving.server.serve(sys.argv[1], port=0, workers=int(sys.argv[2]), api_key_file=keys)
"""
SIMILAR = "/v1/indexes/demo/similar"
KEY = "a-key-for-tests-of-workers"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    return store


@contextlib.contextmanager
def serving(store: Store, n_workers: int = 2, *words: str) -> Iterator[Process]:
    process = Process("-c", SCRIPT, str(store.root), str(n_workers), *words)
    try:
        yield process
    finally:
        process.close()


def children(process: Process) -> set[int]:
    path = Path(f"/proc/{process.process.pid}/task/{process.process.pid}/children")
    return {int(word) for word in path.read_text().split()}


def status(process: Process) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{process.address}/v1/status", timeout=20).json()
    return found


def ask(process: Process, body: dict[str, Any] | None = None) -> httpx.Response:
    """On a connection of its own, which any worker may take."""
    return httpx.post(f"{process.address}{SIMILAR}", json=body or {"ids": ["ant"], "k": 1}, timeout=20)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def count(process: Process, name: str) -> float:
    text = httpx.get(f"{process.address}/metrics", timeout=20).text
    found = re.search(rf"(?m)^{re.escape(name)} (\S+)$", text)
    return float(found[1]) if found else 0.0


REQUESTS = 'purlieu_http_requests_total{route="/v1/indexes/{index}/similar",status="200"}'


def test_several_processes_answer_and_their_figures_are_one(store: Store) -> None:
    with serving(store, 3) as process:
        assert len(children(process)) == 3
        answers = [ask(process).json() for _ in range(30)]
        assert all(answer == answers[0] for answer in answers)
        until(lambda: count(process, REQUESTS) == 30)
        assert count(process, "purlieu_workers") == 3
        assert count(process, "purlieu_workers_died_total") == 0
        found = status(process)
        assert found["workers"] == {"alive": 3, "died": 0}
        assert found["cached"]["hits"] + found["cached"]["misses"] == 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_end_in_order_with_the_first(store: Store, number: int) -> None:
    with serving(store) as process:
        pids = children(process)
        ask(process)
        code, out, err = process.end(number)
        assert (code, out) == (0, "")
        assert all(
            re.fullmatch(r"purlieu: worker \d: index demo: serving version \w+", line) for line in err.splitlines()
        )
        assert all(map(gone, pids))


def test_a_signal_right_after_they_were_begun_ends_all(store: Store) -> None:
    with serving(store) as process:
        pids = children(process)
        assert process.end(signal.SIGTERM)[0] == 0
        assert all(map(gone, pids))


def test_one_that_dies_is_replaced_and_what_it_counted_stays(store: Store) -> None:
    with serving(store) as process:
        for _ in range(20):
            ask(process)
        until(lambda: count(process, REQUESTS) == 20)
        for died, pid in enumerate(sorted(children(process)), 1):
            time.sleep(0.6)  # until what was counted is sure to be shown
            os.kill(pid, signal.SIGKILL)
            until(lambda died=died: status(process)["workers"] == {"alive": 2, "died": died})  # type: ignore[misc]
            assert pid not in children(process)
            assert ask(process).status_code == 200
            until(lambda died=died: count(process, REQUESTS) == 20 + died)  # type: ignore[misc]
        assert count(process, "purlieu_workers_died_total") == 2
        code, _, err = process.end(signal.SIGTERM)
        assert code == 0
        said = [line for line in err.splitlines() if "takes its place" in line]
        assert len(said) == 2
        assert all(re.search(r"worker \d \(process \d+\) ended by signal SIGKILL; another", line) for line in said)


def test_workers_do_not_outlive_a_first_process_that_was_killed(store: Store) -> None:
    with serving(store, 3) as process:
        pids = children(process)
        ask(process)
        process.process.kill()
        until(lambda: all(map(gone, pids)))


def test_every_worker_takes_a_new_version(store: Store) -> None:
    with serving(store) as process:
        first = ask(process).json()["version"]
        second = publish_version(store, 2)
        seen: list[str] = []

        def all_new() -> bool:
            seen.extend(ask(process).json()["version"] for _ in range(10))
            return set(seen[-10:]) == {second}

        until(all_new)
        assert set(seen) <= {first, second}
        text = httpx.get(f"{process.address}/metrics").text
        until(lambda: f'version="{first}"' not in httpx.get(f"{process.address}/metrics").text)
        assert f'purlieu_index_served{{index="demo",version="{second}"}} 1.0' in text


def test_a_reload_that_one_worker_is_told_reaches_all(store: Store, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"ops query,admin sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n")
    with serving(store, 3, str(keys)) as process:
        headers = {"Authorization": f"Bearer {KEY}"}
        url = f"{process.address}/v1"
        assert httpx.get(f"{url}/indexes", headers=headers).status_code == 200
        keys.write_text("not a key line at all\n")
        assert httpx.post(f"{url}/reload", headers=headers, timeout=20).json()["keys_problem"]

        def all_know() -> bool:
            found = [httpx.get(f"{url}/status", headers=headers).json() for _ in range(10)]
            return all(one["keys_problem"] for one in found)

        until(all_know)


@pytest.mark.parametrize("n_workers", [0, -1, 65])
def test_as_many_workers_as_cannot_be_are_refused(store: Store, n_workers: int) -> None:
    with pytest.raises(InvalidParams, match="1 to 64"):
        serve(store, port=0, workers=n_workers)


def test_workers_share_the_limits() -> None:
    whole = Limits(threads=7, heavy=1, lanes=2, queue=10, cache_bytes=100)
    part = whole.shared(3)
    assert (part.threads, part.heavy, part.lanes, part.queue, part.cache_bytes) == (3, 1, 1, 4, 33)
    assert (part.seconds, part.wait_seconds, part.batch) == (whole.seconds, whole.wait_seconds, whole.batch)
    assert whole.shared(1) is whole


def test_a_board_shows_what_was_written_last_and_keeps_it() -> None:
    board = Board(2)
    assert board.read(0) == b""
    figures = Figures(totals={"calls": 3}, requests={"200 /a": [1.0] * 17})
    board.write(1, figures.written())
    board.ask_reload(1)
    board.ask_reload(0)
    assert Figures.read(board.read(1)) == figures
    assert board.reloads() == 2
    board.write(1, b"x" * (1 << 20))
    assert Figures.read(board.read(1)) == figures


def test_a_slot_that_was_torn_reads_as_nothing() -> None:
    board = Board(1)
    board.write(0, b'{"indexes":{}}')
    board._memory[-(512 << 10) + 16] ^= 0xFF  # the first byte of the figures
    assert board.read(0) == b""
