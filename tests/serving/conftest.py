"""An index with every stage and search by words beside that by tokens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from serving.engine import Engine
from tests.serving.browser import Watched, launched, watched
from tests.shared_fixture import made_once
from tests.small import write_small

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def both_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the index ``small``, built with ``[lexical]`` too. Read only."""

    def build(root: Path) -> None:
        run_build(read_config(write_small(root / "sources", extra="\n[lexical]\n")), Store.create(root / "store"))

    built = made_once(tmp_path_factory, "both", build) / "store"
    return Store.open(shutil.copytree(built, tmp_path_factory.mktemp("both") / "store"))


@pytest.fixture(scope="session")
def both(both_store: Store) -> Engine:
    """An engine over that index."""
    return Engine.open(both_store, "small")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture
def view(browser: Browser, address: str) -> Iterator[Watched]:
    """A browser's page at the module's ``address``."""
    with watched(browser, address) as found:
        yield found
