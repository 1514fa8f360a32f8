"""For tests of what happens at the end of a build: two versions of the small index in one store, and builds killed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import flows.report_html
from artifacts.publish import Release, read_release
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from tests.flows.killing import Kill, killing
from tests.flows.two_versions import change_sources
from tests.shared_fixture import made_once


class Versions(NamedTuple):
    """A store that must not be changed, with the sources of both versions; ``new`` is served."""

    store: Store
    old: Release
    new: Release
    old_sources: Path
    new_sources: Path


@pytest.fixture(autouse=True)
def charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here looks at charts but `test_report`: drawing them is a tenth of a small build."""
    monkeypatch.setattr(flows.report_html, "draw", lambda chart: "<svg></svg>")


@pytest.fixture(scope="session")
def kill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kill]:
    """Runs a build that dies where it is told to."""
    with killing(tmp_path_factory.mktemp("killed") / "said.txt") as kill:
        yield kill


@pytest.fixture(scope="session")
def versions(small_config: Path, small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Versions:
    old = read_release(small_store, "small")

    def build(directory: Path) -> None:
        shutil.copytree(small_store.root, directory / "store")
        shutil.copytree(small_config.parent, directory / "sources")
        change_sources(directory / "sources")
        run_build(read_config(directory / "sources" / small_config.name), Store.open(directory / "store"))

    built = made_once(tmp_path_factory, "versions", build)
    directory = Path(shutil.copytree(built, tmp_path_factory.mktemp("versions") / "copy"))
    store = Store.open(directory / "store")
    return Versions(store, old, read_release(store, "small"), small_config.parent, directory / "sources")
