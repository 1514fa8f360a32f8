"""An index with every stage and search by words beside that by tokens."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from serving.engine import Engine
from tests.shared_fixture import made_once
from tests.small import write_small


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
