"""One small built index for the tests of the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from purlieu.main import main
from tests.shared_fixture import made_once


@pytest.fixture(scope="session")
def small_store(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with every stage of the small index; tests that change it take a copy."""

    def build(root: Path) -> None:
        assert main(["build", str(small_config), "--no-prefect", "--store", str(root)]) == 0

    built = made_once(tmp_path_factory, "small_by_command", build)
    return Path(shutil.copytree(built, tmp_path_factory.mktemp("built") / "store"))
