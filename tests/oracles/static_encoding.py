"""Static encoding as the documentation tells it, one text and one token at a time, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(kw_only=True)
class StaticOracle:
    """A vocabulary of words between blanks and a row for each; ``""`` is the unknown one."""

    rows: dict[str, npt.NDArray[np.float32]]
    dim: int
    max_tokens: int
    max_query_tokens: int
    min_norm: float
    distinct: bool
    pooled_weight: float
    query_weights: str
    idf: dict[str, float] = field(default_factory=dict)

    def document(self, text: str) -> npt.NDArray[np.float64]:
        words = self._known(text)
        heard = self._heard(words)
        if self.distinct:
            heard = list(dict.fromkeys(heard))
        vectors = [self._wide(self._unit(self._row(word)), first=True) for word in heard[: self.max_tokens]]
        if words and self.pooled_weight:
            vectors.append(self._wide(self._pooled(words), first=False))
        return self._stacked(vectors)

    def query(self, text: str) -> npt.NDArray[np.float64]:
        words = self._known(text)
        heard = self._heard(words)[: self.max_query_tokens]
        weights = [self._weight(word) for word in heard]
        mean = sum(weights) / len(weights) if weights else 1.0
        vectors = [
            weight / (mean or 1.0) * self._wide(self._unit(self._row(word)), first=True)
            for word, weight in zip(heard, weights, strict=True)
        ]
        if words and self.pooled_weight:
            vectors.append(self.pooled_weight * len(heard) * self._wide(self._pooled(words), first=False))
        return self._stacked(vectors)

    def _known(self, text: str) -> list[str]:
        return [word for word in text.lower().split() if word in self.rows]

    def _heard(self, words: list[str]) -> list[str]:
        loud = [word for word in words if np.linalg.norm(self.rows[word]) > self.min_norm]
        return loud or words

    def _weight(self, word: str) -> float:
        norm = float(np.linalg.norm(self.rows[word])) if "norm" in self.query_weights else 1.0
        return norm * (self.idf[word] if "idf" in self.query_weights else 1.0)

    def _row(self, word: str) -> npt.NDArray[np.float64]:
        return self.rows[word][: self.dim].astype(np.float64)

    def _pooled(self, words: list[str]) -> npt.NDArray[np.float64]:
        return self._unit(np.sum([self._row(word) for word in words], axis=0))

    @staticmethod
    def _unit(row: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        norm = np.linalg.norm(row)
        return row / norm if norm else row

    def _wide(self, row: npt.NDArray[np.float64], *, first: bool) -> npt.NDArray[np.float64]:
        if not self.pooled_weight:
            return row
        blank = np.zeros_like(row)
        return np.concatenate((row, blank) if first else (blank, row))

    def _stacked(self, vectors: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        width = self.dim * (2 if self.pooled_weight else 1)
        return np.array(vectors, dtype=np.float64).reshape(len(vectors), width)
