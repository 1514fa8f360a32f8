"""What docs/ann.md shows, works: its blocks are read as one program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vectors.ann.exact import exact_top_k

PAGE = (Path(__file__).parents[3] / "docs" / "ann.md").read_text()


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, filtered, growing = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(first, names)
    assert np.array_equal(names["rows"], exact_top_k(names["vectors"], names["queries"], 10, metric="cosine")[0])
    exec(filtered, names)
    allowed = [row % 3 != 2 and row % 30 >= 11 for row in range(3_000)]
    assert names["where"].tolist() == allowed
    exec(growing, names)
    assert names["ids"].shape == (5, 10)
    assert not set(range(3_000, 3_003)) & set(names["ids"].ravel().tolist())
    assert (tmp_path / "neighbours").is_dir()
