"""Explicit vectors of 32-bit words: the smallest of many hashes, kept in registers while a list is walked.

A kernel takes ``lanes``, which decides how it is compiled, as in `foundation.kernels.rows`: `Registers` (n) for n
vectors of 16 words, or a uint32 array for plain loops, of which only the size counts. Words are integers, so both give
the same bytes. `new_word_lanes` chooses for this processor.

Layout   arrays are flat or C-contiguous and addressed by the position ``at`` of their first word.
Threads  single-threaded; no shared state.
Limits   all arithmetic is modulo 2**32; nothing is checked.
"""

from __future__ import annotations

import functools
from typing import Any

import numba.extending
import numpy as np
import numpy.typing as npt
from llvmlite import binding, ir
from numba.core import types
from numba.extending import models, overload, register_model

from foundation.kernels.simd import LANE, Registers, RegistersType

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

WordLanes = Registers | npt.NDArray[np.uint32]

_I32 = ir.IntType(32)
_WORDS = ir.VectorType(_I32, LANE)
# Vectors of minima that fit into registers beside as many multipliers and addends.
_WIDE, _NARROW = 8, 2


class WordsType(types.Type):
    """n vectors of 16 words, inside a kernel."""

    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"Words({n})")


@register_model(WordsType)
class _WordsModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: WordsType) -> None:
        super().__init__(dmm, fe_type, ir.ArrayType(_WORDS, fe_type.n))


@functools.cache
def most_words() -> int:
    """Words whose minima fit into registers here; 0 where explicit vectors do not pay."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f", False):
        return _WIDE * LANE
    return _NARROW * LANE if features.get("avx2", False) or features.get("neon", False) else 0


def new_word_lanes(n_words: int, *, vectors: bool) -> WordLanes:
    """``lanes`` for blocks of at most ``n_words`` words; of two widths only, so that kernels are compiled for few."""
    n = min(n_words, most_words()) // LANE
    if not vectors or n < _NARROW:
        return np.zeros(n_words, dtype=np.uint32)
    return Registers(_WIDE if n >= _WIDE else _NARROW)


def width_of(lanes: Any) -> int:
    """Words in a block."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def least_hashes(lanes: Any, multipliers: Any, addends: Any, at: int, words: Any, first: int, n: int, row: Any) -> None:
    """Lower ``row[at + j]`` to the least ``multipliers[at + j] * x + addends[at + j]``, j in a block.

    x runs over the ``n`` words from ``first`` on.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


@intrinsic
def load_words(typingctx: Any, registers: Any, block: Any, at: Any) -> Any:
    """Lanes from 16 n words."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = _address(context, builder, signature.args[1], arguments[1], arguments[2])
        lanes = ir.Constant(ir.ArrayType(_WORDS, registers.n), ir.Undefined)
        for i in range(registers.n):
            lanes = builder.insert_value(lanes, builder.load(_vector_at(builder, first, i), align=1), i)
        return lanes

    return WordsType(registers.n)(registers, block, types.int64), generate


@intrinsic
def lower_words(typingctx: Any, lanes: Any, multipliers: Any, addends: Any, word: Any) -> Any:
    """The smaller of ``lanes`` and ``multipliers * word + addends``, unsigned."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        minima, factors, terms, word = arguments
        x = _spread(builder, word)
        for i in range(lanes.n):
            product = builder.mul(builder.extract_value(factors, i), x)
            hashed = builder.add(product, builder.extract_value(terms, i))
            least = builder.extract_value(minima, i)
            lower = builder.select(builder.icmp_unsigned("<", hashed, least), hashed, least)
            minima = builder.insert_value(minima, lower, i)
        return minima

    return lanes(lanes, lanes, lanes, types.uint32), generate


@intrinsic
def store_words(typingctx: Any, lanes: Any, block: Any, at: Any) -> Any:
    """``block[at:] = lanes``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = _address(context, builder, signature.args[1], arguments[1], arguments[2])
        for i in range(lanes.n):
            builder.store(builder.extract_value(arguments[0], i), _vector_at(builder, first, i), align=1)
        return context.get_dummy_value()

    return types.none(lanes, block, types.int64), generate


@intrinsic
def count_bits(typingctx: Any, word: Any) -> Any:
    """How many bits of a uint64 are set, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@overload(width_of, inline="always", strict=False)
def _width_of(lanes: Any) -> Any:
    if isinstance(lanes, RegistersType):
        width = lanes.n * LANE
        return lambda lanes: width
    return lambda lanes: lanes.size


@overload(least_hashes, strict=False, jit_options={"forceinline": True})
def _least_hashes(lanes: Any, multipliers: Any, addends: Any, at: Any, words: Any, first: Any, n: Any, row: Any) -> Any:
    if isinstance(lanes, RegistersType):

        def fold(lanes: Any, multipliers: Any, addends: Any, at: Any, words: Any, first: Any, n: Any, row: Any) -> None:
            factors, terms = load_words(lanes, multipliers, at), load_words(lanes, addends, at)
            minima = load_words(lanes, row, at)
            part = words[first : first + n]
            for i in range(part.size):
                minima = lower_words(minima, factors, terms, part[i])
            store_words(minima, row, at)

    else:

        def fold(lanes: Any, multipliers: Any, addends: Any, at: Any, words: Any, first: Any, n: Any, row: Any) -> None:
            factors, terms = multipliers[at : at + lanes.size], addends[at : at + lanes.size]
            minima = row[at : at + lanes.size]
            for i in range(first, first + n):
                x = words[i]
                for slot in range(minima.size):
                    minima[slot] = min(minima[slot], np.uint32(np.uint32(factors[slot] * x) + terms[slot]))

    return fold


def _address(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    """Of word ``at`` of the array's memory."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [at])


def _vector_at(builder: Any, first: Any, i: int) -> Any:
    return builder.bitcast(builder.gep(first, [ir.Constant(_I32, i * LANE)]), _WORDS.as_pointer())


def _spread(builder: Any, word: Any) -> Any:
    """A vector of one word."""
    nothing = ir.Constant(_WORDS, ir.Undefined)
    one = builder.insert_element(nothing, word, ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_I32, LANE), [0] * LANE))
