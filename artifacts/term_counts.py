"""Codec of counts of words: what weights of words are computed from when documents come and go."""

from __future__ import annotations

from pathlib import Path

from artifacts.artifact import Artifact
from vectors.lexical.counts import TermCounts

KIND = "term_counts"
VERSION = 1
READABLE = (1,)


def open_term_counts(path: Path) -> TermCounts:
    """The counts, memory-mapped."""
    return TermCounts.from_arrays(Artifact.open(path, KIND, READABLE).arrays())
