"""What code generators of explicit vectors share: addresses, loads, stores and calls of 16 floats.

Layout   arrays are C-contiguous and addressed by the position of an element in their flat memory.
Threads  none; these functions run while a kernel is compiled.
Limits   vectors are 16 lanes wide on every processor: LLVM splits them where registers are narrower.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils

from foundation.kernels.simd import LANE

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

I32 = ir.IntType(32)
FLOATS = ir.VectorType(ir.FloatType(), LANE)
WORDS = ir.VectorType(I32, LANE)
HALVES = ir.VectorType(ir.HalfType(), LANE)
SHORTS = ir.VectorType(ir.IntType(16), LANE)


def address(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    """Pointer to element ``at``."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [at])


def vector_at(builder: Any, pointer: Any, i: int, kind: ir.VectorType = FLOATS) -> Any:
    """Pointer to the i-th vector from ``pointer`` on."""
    return builder.bitcast(builder.gep(pointer, [ir.Constant(I32, i * LANE)]), kind.as_pointer())


def load(builder: Any, pointer: Any, i: int, kind: ir.VectorType = FLOATS) -> Any:
    """The i-th vector from ``pointer`` on."""
    return builder.load(vector_at(builder, pointer, i, kind), align=1)


def store(builder: Any, value: Any, pointer: Any, i: int) -> None:
    """Write the i-th vector from ``pointer`` on."""
    builder.store(value, vector_at(builder, pointer, i, value.type), align=1)


def stream(builder: Any, value: Any, pointer: Any, i: int) -> None:
    """As `store`, past the caches, to memory that is aligned to the vector."""
    size = value.type.count * (2 if value.type in (HALVES, SHORTS) else 4)
    written = builder.store(value, vector_at(builder, pointer, i, value.type), align=size)
    written.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(I32, 1)]))


def spread(builder: Any, value: Any, kind: ir.VectorType = FLOATS) -> Any:
    """A vector of one value."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(WORDS, [0] * LANE))


def permuted(builder: Any, vector: Any, flip: int) -> Any:
    """Lane l takes lane ``l ^ flip``."""
    lanes = ir.Constant(WORDS, [lane ^ flip for lane in range(LANE)])
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), lanes)


def fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` of 16 floats, rounded once."""
    kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v16f32"), [a, b, c])
