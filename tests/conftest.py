"""Indexes that several test files ask: each is built once a session, by the code that `purlieu build` runs."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from tests.compiled_once import take_turns
from tests.running_order import place
from tests.shared_fixture import made_once, of_the_session
from tests.small import write_small

os.environ.pop("COLUMNS", None)  # what a command prints is cut there; each process of pytest-xdist is told of 80
# Dask's workers look at what they do a hundred times a second, and nobody asks them here.
os.environ.setdefault("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "false")

# Prefect's handler writes to the standard error of the test that first used Prefect, which is closed after it: what
# Dask then logs in a later test is no news there, as it is none for `purlieu build`.
logging.raiseExceptions = False

DEBIAN = Path(__file__).resolve().parents[1] / "config" / "debian.toml"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session", autouse=True)
def _kernels_are_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        take_turns(of_the_session(tmp_path_factory) / "compiled")


@pytest.fixture(scope="session", autouse=True)
def _files_are_not_flushed() -> Iterator[None]:
    """A small build asks the disk to keep 750 files, and waits for each; no test pulls the plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config of the small index, beside its sources. Read only: copy the directory to change it."""
    return made_once(tmp_path_factory, "small_sources", write_small) / "small.toml"


@pytest.fixture(scope="session")
def small_store(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with one version of the index ``small``. Read only: copy its root to publish more."""

    def build(root: Path) -> None:
        run_build(read_config(small_config), Store.create(root))

    built = made_once(tmp_path_factory, "small", build)
    return Store.open(shutil.copytree(built, tmp_path_factory.mktemp("small") / "store"))


@pytest.fixture(scope="session")
def debian_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the index ``debian`` of the config that ships; takes about a minute. Read only."""

    def build(root: Path) -> None:
        run_build(read_config(DEBIAN, ("runtime.workers=2",)), Store.create(root))

    return Store.open(made_once(tmp_path_factory, "debian", build))
