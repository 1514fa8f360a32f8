"""Two versions of the small index in one store, for the tests of what happens at the end of a build."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from artifacts.publish import Release, read_release
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from tests.flows.two_versions import change_sources


class Versions(NamedTuple):
    """A store that must not be changed, with the sources of both versions; ``new`` is served."""

    store: Store
    old: Release
    new: Release
    old_sources: Path
    new_sources: Path


@pytest.fixture(scope="session")
def versions(small_config: Path, small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Versions:
    directory = tmp_path_factory.mktemp("versions")
    shutil.copytree(small_store.root, directory / "store")
    shutil.copytree(small_config.parent, directory / "sources")
    store = Store.open(directory / "store")
    old = read_release(store, "small")
    change_sources(directory / "sources")
    run_build(read_config(directory / "sources" / small_config.name), store)
    return Versions(store, old, read_release(store, "small"), small_config.parent, directory / "sources")
