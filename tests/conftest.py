"""Indexes that several test files ask: each is built once a session, by the code that `purlieu build` runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from tests.shared_fixture import made_once
from tests.small import write_small

os.environ.pop("COLUMNS", None)  # what a command prints is cut there; each process of pytest-xdist is told of 80

DEBIAN = Path(__file__).resolve().parents[1] / "config" / "debian.toml"


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config of the small index, beside its sources. Read only: copy the directory to change it."""
    return write_small(tmp_path_factory.mktemp("small_sources"))


@pytest.fixture(scope="session")
def small_store(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with one version of the index ``small``. Read only: copy its root to publish more."""
    store = Store.create(tmp_path_factory.mktemp("small") / "store")
    run_build(read_config(small_config), store)
    return store


@pytest.fixture(scope="session")
def debian_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the index ``debian`` of the config that ships; takes about a minute. Read only."""

    def build(root: Path) -> None:
        run_build(read_config(DEBIAN, ("runtime.workers=2",)), Store.create(root))

    return Store.open(made_once(tmp_path_factory, "debian", build))
