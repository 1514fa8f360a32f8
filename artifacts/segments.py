"""Codec of what a grown index has of its parts: where each document lies, and what of the whole is in no part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact, ArtifactWriter
from vectors.encoders.static import token_idf
from vectors.grown.rows import GrownRows

KIND = "segments"
VERSION = 1
READABLE = (1,)

STAGE = "segments"
COUNTS = "lexical.counts"


def segment_stage(number: int, stage: str) -> str:
    """Name of a stage of segment ``number``, from 1."""
    return f"segment.{number}.{stage}"


def part_stage(part: int, stage: str) -> str:
    """Name of a stage of the base (0) or of a segment; the base has counts of words by another name."""
    return stage if part == 0 else segment_stage(part, stage)


def n_segments_of(stages: Iterable[str]) -> int:
    """How many segments a release has."""
    return sum(name.startswith("segment.") and name.endswith(".corpus") for name in stages)


def is_grown_stage(name: str) -> bool:
    """Whether a stage is there because documents were added or removed, and goes when they are merged."""
    return name == STAGE or name.startswith("segment.")


def write_segments(
    writer: ArtifactWriter,
    rows: GrownRows,
    frequency: npt.NDArray[np.int64] | None,
    doc_of_node: npt.NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Write the arrays; the counts to put in the manifest are returned.

    Parameters
    ----------
    frequency : documents that hold each token of a static encoder's table
    doc_of_node : the document of each node, of an index that has nodes
    """
    writer.array("parts", rows.parts)
    writer.array("rows", rows.rows)
    if frequency is not None:
        writer.array("frequency", frequency)
    if doc_of_node is not None:
        writer.array("doc_of_node", doc_of_node)
    n_of = np.bincount(rows.parts, minlength=len(rows.places)).tolist()
    return {
        "n_docs": rows.n_docs,
        "n_segments": len(rows.places) - 1,
        "n_added": sum(n_of[1:]),
        "n_base_gone": rows.places[0].size - n_of[0],
        "n_of_segments": n_of[1:],
    }


@final
class Segments:
    """The artifact, opened."""

    def __init__(self, path: Path) -> None:
        self._artifact = Artifact.open(path, KIND, READABLE)

    def rows(self, sizes: Sequence[int]) -> GrownRows:
        """Where documents lie; ``sizes`` are the rows of each part."""
        return GrownRows.of(self._artifact.array("parts"), self._artifact.array("rows"), sizes)

    @property
    def idf(self) -> npt.NDArray[np.float32] | None:
        """Rarity of tokens in the whole; None where the encoder does not weigh by it."""
        if not self._artifact.has("frequency"):
            return None
        return token_idf(self._artifact.array("frequency"), int(self._artifact.manifest.stats["n_docs"]))

    @property
    def doc_of_node(self) -> npt.NDArray[np.int64]:
        """The document of each node, -1 for none."""
        return self._artifact.array("doc_of_node")
