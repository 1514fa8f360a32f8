"""The order of files names files that exist."""

from __future__ import annotations

from pathlib import Path

from tests.running_order import LONGEST, place


def test_every_file_that_is_named_is_there_and_named_once() -> None:
    root = Path(__file__).parents[1]
    assert [file for file in LONGEST if not (root / file).is_file()] == []
    assert [place(file) for file in LONGEST] == list(range(len(LONGEST)))
    assert place("tests/test_errors.py") == len(LONGEST)
