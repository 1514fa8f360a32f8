"""The examples of the pages on hybrid search and evaluation run, and say what the pages say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def run(page: str) -> dict[str, Any]:
    """What the first Python block of a page leaves behind."""
    block = re.search(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {}
    exec(block[1], names)
    return names


def test_hybrid_search() -> None:
    names = run("hybrid.md")
    assert names["docs"].tolist() == [[0, 2], [1, -1]]
    assert list(names["index"].matches("playing chess", 0)) == ["chess", "play"]
    fused = names["fused"]
    assert fused.rows.tolist() == [[0, 2], [1, 2]]
    assert fused.ranks.tolist() == [[[1, 2], [2, 1]], [[1, 1], [0, 2]]]
    assert fused.scores[1, 0] == pytest.approx(4 / 61)
    by_both = names["by_both"]
    assert by_both.rows.tolist() == [[0, 2], [1, 2]]
    assert by_both.scores.tolist() == [[1.0, 1.0], [2.0, 0.0]]


def test_evaluation() -> None:
    names = run("evaluation.md")
    assert names["found"].mean("R@100") == 0.75
    assert names["other"].n_unanswered == 1
