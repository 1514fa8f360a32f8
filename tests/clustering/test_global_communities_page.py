"""What docs/global_communities.md shows, works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "global_communities.md").read_text()


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(block, {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("4 [")
    assert lines[-1].startswith("Comparison(nmi=")
