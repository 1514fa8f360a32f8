"""Products of 128 bits, which numba has no type for, and random words made of them."""

from __future__ import annotations

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba.core import types

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

_WIDE = ir.IntType(128)
_STRIDE = np.uint64(0xA0761D6478BD642F)
_MASK = np.uint64(0xE7037ED1A0B428DB)


@intrinsic
def multiply_high(typingctx: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of the product of two uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y = (builder.zext(argument, _WIDE) for argument in arguments)
        return builder.trunc(builder.lshr(builder.mul(x, y), ir.Constant(_WIDE, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@numba.njit(nogil=True, cache=True, inline="always")
def step_word(key: np.uint64, step: np.uint64) -> np.uint64:
    """Random word ``step`` of the stream ``key``, for half the instructions of `foundation.kernels.splitmix.hash2`.

    That of wyrand (Wang Yi, wyhash, 2019), whose state is a counter. Keys must be random words themselves.
    """
    state = key + _STRIDE * (step + np.uint64(1))
    other = state ^ _MASK
    return np.uint64(multiply_high(state, other)) ^ (state * other)
