"""Every build leaves a line in its index's journal, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import flows.run
from artifacts.journal import Attempt, read_attempts
from artifacts.store import Store
from flows.run import run_build
from flows.settings import Config, read_config
from foundation.errors import InvalidInput, StoreLocked
from tests.flows.test_prefect import GRAPH_ONLY
from tests.small import write_small


@pytest.fixture(scope="module")
def config_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_small(tmp_path_factory.mktemp("journal")).with_name("tiny.toml")
    path.write_text(GRAPH_ONLY)
    return path


@pytest.fixture
def config(config_path: Path) -> Config:
    return read_config(config_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def attempts(store: Store) -> list[Attempt]:
    return read_attempts(store, "tiny")


def test_what_was_published_unchanged_or_only_built_is_noted(config: Config, store: Store) -> None:
    run_build(config, store, only=["graph"])
    report = run_build(config, store)
    run_build(config, store)
    assert [attempt.outcome for attempt in attempts(store)] == ["built", "published", "unchanged"]
    assert {attempt.version for attempt in attempts(store)} == {report.version}
    assert all(attempt.seconds > 0 and attempt.error is None for attempt in attempts(store))


def test_a_failure_is_noted_in_one_line(config_path: Path, store: Store) -> None:
    with pytest.raises(InvalidInput):
        run_build(read_config(config_path, ('graph.source="missing.tsv"',)), store)
    (attempt,) = attempts(store)
    assert attempt.outcome == "failed"
    assert attempt.error is not None
    assert "missing.tsv: no such file" in attempt.error
    assert "\n" not in attempt.error


def test_one_that_another_build_keeps_out_is_refused_not_failed(config: Config, store: Store) -> None:
    with store.building("tiny"), pytest.raises(StoreLocked):
        run_build(config, store)
    assert [attempt.outcome for attempt in attempts(store)] == ["refused"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(KeyboardInterrupt(), "cancelled"), (SystemExit(3), "cancelled"), (OSError(5, "io"), "failed")],
)
def test_interrupts_and_surprises_are_told_apart(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch, error: BaseException, outcome: str
) -> None:
    def stop(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(flows.run, "run_stage", stop)
    with pytest.raises(type(error)):
        run_build(config, store)
    (attempt,) = attempts(store)
    assert attempt.outcome == outcome
    assert attempt.error is not None
    assert attempt.error.startswith(type(error).__name__)


@pytest.mark.parametrize("broken", ["begin_attempt", "end_attempt"])
def test_a_journal_that_cannot_be_written_fails_no_build(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: object, **kwargs: object) -> int:
        raise OSError(28, "No space left on device")

    function: Callable[..., int] = full
    monkeypatch.setattr(f"flows.journal.{broken}", function)
    assert run_build(config, store).published
    assert "No space left on device" in caplog.text
