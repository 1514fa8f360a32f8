"""The examples of the pages on clustering run, and their numbers are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"


def run(page: str) -> dict[str, Any]:
    """What the first Python block of a page leaves behind."""
    block = re.search(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {}
    exec(block[1], names)
    return names


def test_medoids() -> None:
    names = run("medoids.md")
    assert names["found"].loss == pytest.approx(10_533, abs=1)
    whole = names["fasterpam"](names["whole"], names["MedoidParams"](n_medoids=20))
    assert whole.loss == pytest.approx(10_469, abs=1)


def test_partitive() -> None:
    pytest.importorskip("sklearn")
    found = run("partitive.md")["found"]
    assert found.n_clusters == 4
    assert np.bincount(found.labels).tolist() == [150] * 4


def test_hierarchy() -> None:
    pytest.importorskip("sklearn")
    names = run("hierarchy.md")
    assert names["flat"].n_communities == 4
    np.testing.assert_array_equal(names["two"], np.repeat([0, 1], 100))
    np.testing.assert_array_equal(names["tree"].cut(density=0.2), names["tree"].cut(n_communities=2))


def test_attributed() -> None:
    pytest.importorskip("sklearn")
    np.testing.assert_array_equal(run("attributed.md")["found"].labels, [0, 0, 0, 1, 1, 1])
