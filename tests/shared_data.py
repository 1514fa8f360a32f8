"""Real graphs and corpora that are too large to ship, where a folder ``shared/data`` stands beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

_PROJECT = Path(__file__).resolve().parents[1]


def shared_data(relative: str) -> Path:
    """The file ``relative`` of the shared data; skips the test where it is absent."""
    for above in _PROJECT.parents[:2]:
        if (path := above / "shared" / "data" / relative).exists():
            return path
    pytest.skip(f"needs {relative} in ../shared/data, which is not shipped")
