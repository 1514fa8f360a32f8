"""What an encoder returns: token vectors of some texts, and an account of every token that has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vectors.tokens.multivector import MultiVectors

LEFT_OUT = ("unknown", "faint", "repeated", "dropped")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """Vectors of some texts, and what happened to them on the way; nothing is left out uncounted.

    Attributes
    ----------
    vectors : one set per text, in order; a text without a token has an empty set
    left_out : int32 (n_docs, 4), tokens of each text, a column for each of `LEFT_OUT`: outside the vocabulary (a static
        encoder left them out, a transformer saw them as unknown), left out by ``min_norm``, left out by ``distinct``,
        and lost to the limit of tokens
    """

    vectors: MultiVectors
    left_out: npt.NDArray[np.int32]

    @property
    def n_unknown(self) -> int:
        return self._sum("unknown")

    @property
    def n_faint(self) -> int:
        return self._sum("faint")

    @property
    def n_repeated(self) -> int:
        return self._sum("repeated")

    @property
    def n_dropped_tokens(self) -> int:
        return self._sum("dropped")

    @property
    def n_truncated(self) -> int:
        """Texts that were cut at the limit of tokens."""
        return int(np.count_nonzero(self.left_out[:, LEFT_OUT.index("dropped")]))

    @property
    def n_zero(self) -> int:
        """Vectors kept although they are zero, so that they match nothing."""
        is_zero = np.logical_not(np.asarray(self.vectors.vectors.any(axis=1)))
        return int(np.count_nonzero(is_zero if self.vectors.codes is None else is_zero[self.vectors.codes]))

    @property
    def n_tokens(self) -> int:
        """Vectors kept, the one for the whole text included."""
        return self.vectors.n_tokens

    @property
    def n_empty(self) -> int:
        """Texts without a vector."""
        return int(np.count_nonzero(np.diff(self.vectors.offsets) == 0))

    def counts(self) -> dict[str, int]:
        """For reports; those of ranges add up to those of the whole."""
        return {
            "n_docs": self.vectors.n_docs,
            "n_tokens": self.n_tokens,
            "n_empty": self.n_empty,
            "n_unknown": self.n_unknown,
            "n_faint": self.n_faint,
            "n_repeated": self.n_repeated,
            "n_truncated": self.n_truncated,
            "n_dropped_tokens": self.n_dropped_tokens,
            "n_zero": self.n_zero,
        }

    def _sum(self, column: str) -> int:
        return int(self.left_out[:, LEFT_OUT.index(column)].sum(dtype=np.int64))


def left_out(n_docs: int, **columns: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """The table of `Encoded` from its columns; those not given are 0."""
    table = np.zeros((n_docs, len(LEFT_OUT)), dtype=np.int32)
    for name, values in columns.items():
        table[:, LEFT_OUT.index(name)] = values
    return table
