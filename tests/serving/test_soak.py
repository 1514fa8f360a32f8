"""A minute of what `make soak` does for half an hour: no error, no wrong or mixed answer, no growing memory."""

from __future__ import annotations

from pathlib import Path

from tests.serving.soak import GROWTH, soak, two_versions


def test_a_minute_under_load_and_new_versions_leaves_no_error_and_no_growth(tmp_path: Path) -> None:
    soaked = soak(*two_versions(tmp_path), seconds=60)
    assert soaked.failures == []
    assert soaked.growth <= GROWTH, soaked.megabytes
    assert soaked.refused_rightly > 0
    assert soaked.reloads >= 10
