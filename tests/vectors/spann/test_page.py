"""What docs/spann.md shows, works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vectors.ann.exact import exact_top_k

PAGE = (Path(__file__).parents[3] / "docs" / "spann.md").read_text()


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert np.array_equal(names["again"], names["rows"])
    true, _ = exact_top_k(names["vectors"], names["queries"], 10, metric="l2")
    shares = [
        np.mean([np.isin(own, other).mean() for own, other in zip(true, names[found], strict=True)])
        for found in ("rows", "wider")
    ]
    assert shares[0] >= 0.93
    assert shares[1] >= shares[0]
    assert names["reads"].vectors.mean() < 0.2 * len(names["vectors"])
