"""The documents of a version that were added to or removed from since it was built, as the engine asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from artifacts.corpus import open_corpus
from artifacts.lexical import open_lexical
from artifacts.retriever import open_retriever, open_segment
from artifacts.segments import COUNTS, STAGE, Segments, n_segments_of, part_stage
from artifacts.term_counts import open_term_counts
from vectors.corpus.read import Corpus
from vectors.grown.corpus import grown_corpus
from vectors.grown.retriever import GrownRetriever
from vectors.grown.rows import GrownRows
from vectors.grown.words import GrownWords


@final
class GrownDocuments:
    """Opens what a question needs of every part; ``path`` gives the directory of a stage's artifact."""

    def __init__(self, path: Callable[[str], Path], stages: Mapping[str, str]) -> None:
        self._path = path
        self._parts = range(n_segments_of(stages) + 1)

    @classmethod
    def of(cls, path: Callable[[str], Path], stages: Mapping[str, str]) -> GrownDocuments | None:
        """None for a version as it was built."""
        return cls(path, stages) if STAGE in stages else None

    @cached_property
    def corpus(self) -> Corpus:
        """Ids, fields and texts of the documents that are there."""
        return grown_corpus(self._corpora, self._rows)

    @property
    def doc_of_node(self) -> npt.NDArray[np.int64]:
        """As `artifacts.link.open_link`."""
        return self._opened.doc_of_node

    @property
    def idf(self) -> npt.NDArray[np.float32] | None:
        """What queries are weighed by in place of the base's."""
        return self._opened.idf

    def retriever(self) -> GrownRetriever:
        """Search by tokens."""
        calibrated = self._path("retriever")
        opened = [
            (open_segment if part else open_retriever)(calibrated, *paths)
            for part, paths in enumerate(
                zip(*(self._of_parts(stage) for stage in ("tokens", "muvera", "ann.documents")), strict=True)
            )
        ]
        return GrownRetriever(opened, self._rows)

    def words(self) -> GrownWords:
        """Search by words."""
        counts = [open_term_counts(path) for path in self._of_parts(COUNTS)]
        return GrownWords(counts, self._rows, open_lexical(self._path("lexical")).params)

    def _of_parts(self, stage: str) -> list[Path]:
        return [self._path(part_stage(part, stage)) for part in self._parts]

    @cached_property
    def _corpora(self) -> list[Corpus]:
        return [open_corpus(path) for path in self._of_parts("corpus")]

    @cached_property
    def _opened(self) -> Segments:
        return Segments(self._path(STAGE))

    @cached_property
    def _rows(self) -> GrownRows:
        return self._opened.rows([corpus.n_docs for corpus in self._corpora])
