"""The journal of builds: ordered by number, never by a clock, and right about processes that are gone."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from artifacts import journal
from artifacts.health import health, in_words
from artifacts.journal import KEPT, begin_attempt, end_attempt, read_attempts
from artifacts.publish import publish
from artifacts.store import Store
from foundation.errors import ArtifactCorrupt, UnknownId

NOW = datetime(2031, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def note(store: Store, outcome: str, started: datetime, seconds: float = 1.0, error: str | None = None) -> None:
    """One ended attempt that began when it is said to."""
    number = begin_attempt(store, "x")
    end_attempt(store, "x", number, outcome, seconds, version="v", error=error)
    path = store.root / "indexes" / "x" / journal.JOURNAL
    document = json.loads(path.read_text())
    document["attempts"][-1]["started"] = started.isoformat()
    path.write_text(json.dumps(document))


def test_the_newest_hundred_are_kept_in_order(store: Store) -> None:
    for _ in range(KEPT + 7):
        end_attempt(store, "x", begin_attempt(store, "x"), "unchanged", 0.1, version="v", error=None)
    assert [attempt.number for attempt in read_attempts(store, "x")] == list(range(8, KEPT + 8))


def test_attempts_noted_at_the_same_time_are_all_kept(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: begin_attempt(store, "x"), range(24)))
    assert sorted(numbers) == list(range(1, 25))
    assert len(read_attempts(store, "x")) == 24


def test_an_attempt_whose_process_was_killed_is_found_out(store: Store) -> None:
    script = (
        "import os, signal, sys\n"
        "from artifacts.journal import begin_attempt\n"
        "from artifacts.store import Store\n"
        "begin_attempt(Store.open(sys.argv[1]), 'x')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-P", "-c", script, str(store.root)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert [attempt.outcome for attempt in read_attempts(store, "x")] == ["killed"]
    found = health(store, "x")
    assert found.running is None
    assert found.failed_since == 1
    assert found.why == (
        "nothing is published",
        "the last build killed: its process ended without a word",
    )


def test_a_running_attempt_is_seen_and_one_elsewhere_is_believed_until_another_took_over(store: Store) -> None:
    begin_attempt(store, "x")
    running = health(store, "x").running
    assert running is not None
    assert running.pid == os.getpid()
    path = store.root / "indexes" / "x" / journal.JOURNAL
    document = json.loads(path.read_text())
    document["attempts"][0] |= {"host": "another-machine", "pid": 1}
    path.write_text(json.dumps(document))
    assert health(store, "x").running is not None
    end_attempt(store, "x", begin_attempt(store, "x"), "unchanged", 1.0, version="v", error=None)
    assert [attempt.outcome for attempt in read_attempts(store, "x")] == ["killed", "unchanged"]


def test_the_order_is_that_of_numbers_when_the_clock_goes_back(store: Store) -> None:
    note(store, "failed", NOW + timedelta(days=2), error="no such file")
    note(store, "unchanged", NOW + timedelta(days=1))
    note(store, "failed", NOW - timedelta(days=1), error="the disk is full")
    found = health(store, "x", max_age=60, now=NOW)
    assert found.success is not None
    assert found.success.number == 2
    assert found.success_age == 0.0
    assert found.failed_since == 1
    assert "the last build failed: the disk is full" in found.why


def test_health_is_about_the_last_builds_that_tell_something(store: Store) -> None:
    artifact = store.objects / "nothing"
    publish(store, "x", {}, {}, "123456789abc")
    assert not artifact.exists()
    assert health(store, "x").why == ()
    assert health(store, "x", max_age=60).why == ("no build is known to have succeeded",)
    note(store, "published", NOW - timedelta(hours=30), seconds=3600)
    note(store, "refused", NOW - timedelta(hours=1), error="locked")
    note(store, "built", NOW - timedelta(hours=1))
    found = health(store, "x", max_age=26 * 3600, now=NOW)
    assert found.why == ("the last build that succeeded ended 29 h ago, 26 h are allowed",)
    assert health(store, "x", max_age=30 * 3600, now=NOW).why == ()
    document = found.to_json()
    assert json.loads(json.dumps(document)) == document
    assert (document["healthy"], document["version"], document["failed_since"]) == (False, "123456789abc", 0)


def test_an_index_that_never_was_is_named(store: Store) -> None:
    with pytest.raises(UnknownId, match="no index 'x'"):
        health(store, "x")


@pytest.mark.parametrize(
    "bytes_",
    [b"", b"{", b"[]", b'{"attempts": 3}', b'{"attempts": [{"number": 1}]}', b"\xff", b'{"attempts": ["ab"]}'],
)
def test_a_damaged_journal_is_refused_by_readers_and_begun_anew_by_the_next_build(store: Store, bytes_: bytes) -> None:
    begin_attempt(store, "x")
    (store.root / "indexes" / "x" / journal.JOURNAL).write_bytes(bytes_)
    with pytest.raises(ArtifactCorrupt, match="not a journal"):
        read_attempts(store, "x")
    assert begin_attempt(store, "x") == 1
    assert len(read_attempts(store, "x")) == 1


def test_a_bit_that_flips_in_a_journal_never_raises_anything_else(store: Store) -> None:
    note(store, "failed", NOW, error="why")
    path = store.root / "indexes" / "x" / journal.JOURNAL
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in (1, 32, 64):
            damaged = bytearray(whole)
            damaged[position] ^= bit
            path.write_bytes(damaged)
            try:
                read_attempts(store, "x")
                health(store, "x", now=NOW)
            except ArtifactCorrupt:
                continue


def test_durations_in_words() -> None:
    assert [in_words(s) for s in (0.25, 90, 7000, 26 * 3600, 3.5 * 86400)] == [
        "0.25 s",
        "90 s",
        "117 min",
        "26 h",
        "3.5 days",
    ]


def test_an_attempt_is_frozen(store: Store) -> None:
    begin_attempt(store, "x")
    (attempt,) = read_attempts(store, "x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        attempt.outcome = "published"  # type: ignore[misc]
