"""One small built index for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from purlieu.main import main
from tests.small import write_small


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def small_store(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with every stage of the small index; tests that change it take a copy."""
    store = tmp_path_factory.mktemp("built") / "store"
    assert main(["build", str(small_config), "--no-prefect", "--store", str(store)]) == 0
    return store
