"""LLVM code of `foundation.kernels.tiles`: sums that stay in vectors of 16 numbers while words are walked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from foundation.kernels.simd import LANE

_BLOCK = 16  # words of a row in a cache line

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_WORDS = ir.VectorType(_I32, LANE)
FLOATS = ir.VectorType(ir.FloatType(), LANE)


class _Brain(ir.Type):  # type: ignore[misc]  # llvmlite is half typed
    """bfloat, which llvmlite does not name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Brain)

    def __hash__(self) -> int:
        return hash(_Brain)


_BRAINS = ir.VectorType(_Brain(), 2 * LANE)


def tile_sums(context: Any, builder: Any, signature: Any, arguments: Any) -> list[list[Any]]:
    """Vectors of float32 products, by token and by 16 lanes; whole cache lines first, then what is left of the rows."""
    tile = signature.args[0]
    data, scales, rows, ahead, query, start = (data_of(context, builder, signature, arguments, i) for i in range(1, 7))
    shape = context.make_array(signature.args[5])(context, builder, arguments[5]).shape
    n_words = builder.extract_value(shape, 0)
    kind = FLOATS if tile.product != "int8" else _WORDS
    numbers = [builder.load(builder.gep(rows, [_I64(t)])) for t in range(tile.n_rows)]
    places = [builder.gep(data, [builder.mul(number, n_words)]) for number in numbers]
    begin = [vector_at(builder, start, _I64(v * LANE), kind) for v in range(tile.n_vectors)]
    state = [begin[i % tile.n_vectors] for i in range(tile.n_rows * tile.n_vectors)]
    coming = [builder.load(builder.gep(ahead, [_I64(t)])) for t in range(tile.n_rows)]
    later = [builder.gep(data, [builder.mul(number, n_words)]) for number in coming]
    n_whole = builder.and_(n_words, _I64(-_BLOCK))

    def step(word: Any, sums: list[Any]) -> list[Any]:
        first = builder.mul(word, _I64(tile.n_vectors * LANE))
        columns = [
            vector_at(
                builder, query, builder.add(first, _I64(v * LANE)), FLOATS if tile.product == "float32" else _WORDS
            )
            for v in range(tile.n_vectors)
        ]
        sums = list(sums)
        for t, place in enumerate(places):
            one = _spread(builder, builder.load(builder.gep(place, [word])))
            for v, column in enumerate(columns):
                i = t * tile.n_vectors + v
                sums[i] = _multiplied(builder, tile.product, one, column, sums[i])
        return sums

    def line(word: Any, sums: list[Any]) -> list[Any]:
        for place in later:
            prefetch(builder, builder.gep(place, [word]))
        for i in range(_BLOCK):
            sums = step(builder.add(word, _I64(i)), sums)
        return sums

    state = _loop(builder, _I64(0), n_whole, _BLOCK, state, line)
    state = _loop(builder, n_whole, n_words, 1, state, step)
    if tile.product == "int8":
        factors = [_spread(builder, builder.load(builder.gep(scales, [number]))) for number in numbers]
        floats = [builder.sitofp(total, FLOATS) for total in state]
        state = [builder.fmul(value, factors[i // tile.n_vectors]) for i, value in enumerate(floats)]
    return [state[t * tile.n_vectors : (t + 1) * tile.n_vectors] for t in range(tile.n_rows)]


def _loop(builder: Any, first: Any, last: Any, by: int, state: list[Any], body: Callable[..., list[Any]]) -> list[Any]:
    """``state`` after ``body(position, state)`` for every position, kept in registers from one to the next."""
    before = builder.block
    head, inside, after = (builder.append_basic_block(name) for name in ("tile.head", "tile.body", "tile.after"))
    builder.branch(head)
    builder.position_at_end(head)
    position = builder.phi(_I64)
    position.add_incoming(first, before)
    values = [builder.phi(value.type) for value in state]
    for phi, value in zip(values, state, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", position, last), inside, after)
    builder.position_at_end(inside)
    changed = body(position, values)
    end = builder.block
    position.add_incoming(builder.add(position, _I64(by)), end)
    for phi, value in zip(values, changed, strict=True):
        phi.add_incoming(value, end)
    builder.branch(head)
    builder.position_at_end(after)
    return values


def _multiplied(builder: Any, product: str, token: Any, query: Any, total: Any) -> Any:
    """``total`` plus the products of words."""
    if product == "float32":
        return call(builder, "llvm.fma.v16f32", FLOATS, [token, query, total])
    if product == "bfloat16":
        numbers = [builder.bitcast(words, _BRAINS) for words in (token, query)]
        return call(builder, "llvm.x86.avx512bf16.dpbf16ps.512", FLOATS, [total, *numbers])
    return call(builder, "llvm.x86.avx512.vpdpbusd.512", _WORDS, [total, token, query])


def data_of(context: Any, builder: Any, signature: Any, arguments: Any, i: int) -> Any:
    """Address of the first element of argument ``i``, an array."""
    return context.make_array(signature.args[i])(context, builder, arguments[i]).data


def vector_at(builder: Any, data: Any, at: Any, kind: Any = FLOATS) -> Any:
    """The 16 elements from ``at`` on."""
    return builder.load(builder.bitcast(builder.gep(data, [at]), kind.as_pointer()), align=4)


def call(builder: Any, name: str, result: ir.Type, arguments: list[Any]) -> Any:
    """A function of LLVM's own."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def prefetch(builder: Any, place: Any) -> None:
    """Ask for the cache line at ``place``."""
    whole = builder.bitcast(place, _I8.as_pointer())
    call(builder, "llvm.prefetch.p0", ir.VoidType(), [whole, _I32(0), _I32(3), _I32(1)])


def _spread(builder: Any, value: Any) -> Any:
    """A vector of one value."""
    nothing = ir.Constant(ir.VectorType(value.type, LANE), ir.Undefined)
    one = builder.insert_element(nothing, value, _I32(0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_I32, LANE), [0] * LANE))


def raised(builder: Any, best: Any, v: int, values: list[Any]) -> None:
    """The ``v``-th 16 lanes of ``best`` become the largest of themselves and ``values``, in order."""
    place = builder.bitcast(builder.gep(best, [_I64(v * LANE)]), FLOATS.as_pointer())
    top = builder.load(place, align=4)
    for value in values:
        top = builder.select(builder.fcmp_ordered(">", value, top), value, top)
    builder.store(top, place, align=4)


def stored(builder: Any, data: Any, at: Any, value: Any) -> None:
    """16 floats to ``data`` from ``at`` on."""
    builder.store(value, builder.bitcast(builder.gep(data, [at]), FLOATS.as_pointer()), align=4)
