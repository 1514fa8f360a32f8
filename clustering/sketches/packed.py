"""b-bit signatures: one, two or eight bits of every slot, compared by counting bits.

Two different slots agree in b random bits with probability 2**-b, so with P the share of equal slots the similarity is
estimated as (P - 2**-b) / (1 - 2**-b), with variance P(1 - P) / (num_perm (1 - 2**-b)²): b = 1 needs about four times
as many slots as whole ones at J = 0.3, and a thirty-second of the memory for each. It may come out below 0.

Source: Li & König, WWW 2010; the correction for small universes is left out, since elements are hashed to 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clustering.kernels.packing import count_unequal_slots, pack_slots
from clustering.minhash import Estimate, Signatures, is_empty
from clustering.sets import frozen
from foundation.errors import InvalidInput, InvalidParams
from foundation.threads import even_ranges, run_ranges

BITS = (1, 2, 8)
_ROWS_AT_ONCE = 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class PackedSignatures:
    """Rows of b-bit slots.

    Attributes
    ----------
    words : uint64, shape (n_sets, ceil(num_perm · bits / 64))
    num_perm, bits : slots of a row, and bits of a slot
    empty : bool, shape (n_sets,): which sets have no elements
    """

    words: npt.NDArray[np.uint64]
    num_perm: int
    bits: int
    empty: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        n_words = -(-self.num_perm * check_bits(self.bits) // 64)
        if self.words.ndim != 2 or self.words.shape[1] != n_words or self.empty.shape != self.words.shape[:1]:
            raise InvalidInput(
                source="packed signatures",
                what=f"words {self.words.shape} for {self.num_perm} slots of {self.bits} bits",
                fix=f"pass uint64 (n, {n_words}) and a flag for each row",
            )
        object.__setattr__(self, "words", frozen(self.words))

    @property
    def n_sets(self) -> int:
        return int(self.words.shape[0])


def pack(signatures: Signatures, bits: int = 1, *, n_threads: int = 1) -> PackedSignatures:
    """The lowest ``bits`` (1, 2 or 8) of a scramble of every slot; signatures uint32 (n_sets, num_perm) of any kind."""
    n_sets, num_perm = signatures.shape
    words = np.empty((n_sets, -(-num_perm * check_bits(bits) // 64)), dtype=np.uint64)
    rows = frozen(signatures)
    run_ranges(
        lambda start, stop: pack_slots(rows, bits, start, stop, words[start:stop]),
        even_ranges(n_sets, _ROWS_AT_ONCE),
        n_threads,
    )
    return PackedSignatures(words, num_perm, bits, is_empty(signatures))


def packed_similarity(left: PackedSignatures, right: PackedSignatures) -> Estimate:
    """Estimates for all pairs, float64 (n_left, n_right) each; a pair with an empty set gets 0.

    Raises
    ------
    InvalidInput
        When slots or bits differ.
    """
    if (left.num_perm, left.bits) != (right.num_perm, right.bits):
        raise InvalidInput(
            source="packed signatures",
            what=f"{left.num_perm} slots of {left.bits} bits beside {right.num_perm} of {right.bits}",
            fix="pack both alike",
        )
    unequal = np.empty((left.n_sets, right.n_sets), dtype=np.int32)
    count_unequal_slots(left.words, right.words, left.bits, unequal)
    n = left.num_perm
    by_chance = 2.0**-left.bits
    share = 1 - unequal / n
    estimate = (share - by_chance) / (1 - by_chance)
    estimate[left.empty] = estimate[:, right.empty] = 0
    likely = (share * n + 0.5) / (n + 1)  # half a slot away from 0 and 1, as in `standard_error`
    return Estimate(estimate, np.sqrt(likely * (1 - likely) / (n + 1)) / (1 - by_chance))


def check_bits(bits: int) -> int:
    """``bits``, or InvalidParams."""
    if isinstance(bits, bool) or bits not in BITS:
        raise InvalidParams(name="bits", value=bits, allowed="1, 2 or 8")
    return bits
