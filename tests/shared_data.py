"""Real graphs and corpora that lie beside the project, not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1].parent / "shared" / "data"


def shared_data(relative: str) -> Path:
    """Path of a file of the shared data; skips the calling test when it is not there."""
    path = ROOT / relative
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return path
