"""A fixed dimensional encoding's parameters and matrices as its kernels want them. Source: see `vectors.fde.encode`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.kernels.panels import PANEL
from foundation.kernels.rows import has_vectors, widest
from foundation.kernels.simd import GROUP, LANE, Registers
from vectors.fde.matrices import FDEMatrices
from vectors.fde.params import FDEParams
from vectors.kernels.fde import GROUP_TOKENS
from vectors.kernels.fde_room import Finish, Room
from vectors.kernels.fde_tokens import Lanes, Plan, TokenRoom
from vectors.tokens.multivector import readonly

Float32s = npt.NDArray[np.float32]

_WIDEST_ROW = 1024  # numbers of a row that is rotated in registers; longer code would take seconds to compile
_WIDEST_LINE = 128
_MOST_CELLS = 128
_SUMMED_BYTES = 48 << 10  # sums of cells held at once: what the first-level cache has
_FRACTION = np.uint32(0x7FFFFF)  # of a float32: without it a number is zero or a power of two
_STREAMED = 4 << 20  # bytes of a result that no cache would hold until it is read
_LINE = 64  # bytes of a cache line
_NONE = np.empty(0, dtype=np.float32)


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
    """Memory of any content that starts at a cache line: a vector of 16 floats then never straddles two."""
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(n_bytes + _LINE, dtype=np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + n_bytes].view(dtype).reshape(shape)


def new_plan(dim: int, params: FDEParams, matrices: FDEMatrices) -> Plan:
    """The map of tokens of width ``dim``; ``matrices`` fit."""
    n_repetitions, head = params.num_repetitions, dim - params.d_whole
    normals, projection, rotation = matrices.simhash, matrices.projection, matrices.rotation
    by_bits = _NONE if normals is None else np.moveaxis(normals, 1, 2).swapaxes(0, 1).reshape(-1, head)
    by_bits = np.ascontiguousarray(by_bits, dtype=np.float32)
    columns = _NONE if projection is None else np.moveaxis(projection, 0, 1).reshape(head, -1).astype(np.float32)
    signs = _NONE if matrices.column_signs is None else matrices.column_signs
    scale = 1.0 / np.sqrt(1.0 if rotation is None else rotation.size)
    return Plan(
        n_repetitions=n_repetitions,
        k_sim=params.k_sim,
        head=head,
        width=head if params.d_proj is None else params.d_proj,
        rows=signs.shape[1] if signs.size else 0,
        columns=signs.shape[2] if signs.size else 0,
        normals=readonly(by_bits.reshape(-1, head)),
        normal_panels=readonly(_panels(by_bits.reshape(-1, head).T)),
        doubt=_doubt(by_bits.reshape(-1, head)),
        panels=readonly(_panels(columns.reshape(head, -1))),
        exact=not (columns.view(np.uint32) & _FRACTION).any(),
        rotation=readonly(_flat(rotation)),
        bit_signs=readonly(_flat(matrices.bit_signs)),
        column_signs=readonly(_flat(signs * np.float32(scale))),
    )


def new_finish(params: FDEParams, matrices: FDEMatrices, *, mean: bool, out: npt.NDArray[Any] | None = None) -> Finish:
    """What becomes of the cells of documents (``mean``) or queries, on their way to ``out``."""
    slots = np.empty(0, dtype=np.int64) if matrices.final_slots is None else matrices.final_slots
    return Finish(
        mean=mean,
        fill=mean and params.fill_empty,
        slots=readonly(np.ascontiguousarray(slots, dtype=np.int64)),
        signs=readonly(_flat(matrices.final_signs)),
        n_sketched=params.d_final or 0,
        tail_scale=np.float32(np.sqrt(params.num_repetitions)),
        streams=out is not None and out.nbytes >= _STREAMED and out.ctypes.data % _LINE == out.strides[0] % _LINE == 0,
    )


def new_lanes(plan: Plan, *, vectors: bool) -> Lanes:
    """Registers where the plan's sizes allow them, if the processor has them and ``vectors`` allows it."""
    vectors = vectors and has_vectors()
    size, n_cells = plan.rotation.size, 1 << plan.k_sim
    in_registers = vectors and LANE <= size <= _WIDEST_ROW
    fills = plan.columns % LANE == 0 and 0 < plan.rows * plan.columns == size
    has_lines = vectors and plan.width % LANE == 0 and plan.width <= _WIDEST_LINE
    tile_rows = 6 if widest() > GROUP else 1  # 6 rows of 4 vectors fill 24 of 32 registers of 16 floats
    return Lanes(
        whole=Registers(size // LANE) if in_registers else np.empty(0, dtype=np.float32),
        columns=Registers(plan.columns // LANE) if in_registers and fills else np.empty(0, dtype=np.float32),
        tile_rows=Registers(tile_rows) if vectors else np.empty(0, dtype=np.float32),
        tile_columns=Registers(PANEL // LANE) if vectors else np.empty(0, dtype=np.float32),
        one=Registers(1) if vectors else np.empty(0, dtype=np.float32),
        line=Registers(plan.width // LANE) if has_lines else np.empty(0, dtype=np.float32),
        cells=Registers(n_cells // LANE)
        if vectors and LANE <= n_cells <= _MOST_CELLS
        else np.empty(0, dtype=np.float32),
    )


def value_stride(plan: Plan) -> int:
    """Numbers of a projected row, of all repetitions."""
    if plan.panels.size:
        return int(plan.panels.shape[0]) * PANEL
    return plan.column_signs.size or plan.head


def cell_stride(plan: Plan) -> int:
    """Numbers of a row of cells: whole vectors."""
    return -(-plan.n_repetitions // LANE) * LANE


def new_token_room(plan: Plan, n_tokens: int) -> TokenRoom:
    """Scratch for hashing and projecting ``n_tokens`` at a time."""
    stride = max(plan.normal_panels.shape[0] * PANEL, plan.bit_signs.size) + LANE  # vectors read past the last product
    return TokenRoom(
        products=aligned((n_tokens, stride)),
        padded=_zeros(plan.rotation.size),
        rotated=aligned((plan.rotation.size,)),
    )


def new_room(plan: Plan, finish: Finish, longest: int, d_whole: int) -> Room:
    """Scratch of one thread for documents of at most ``longest`` tokens."""
    n_tokens, n_cells = max(longest, GROUP_TOKENS), 1 << plan.k_sim
    stride, lines = value_stride(plan), (n_cells + 1) * plan.width
    n_at_once = min(plan.n_repetitions, max(1, _SUMMED_BYTES // (4 * lines)))
    block = n_at_once * lines
    values = aligned((n_tokens + -(-block // stride), stride))
    values[n_tokens:] = 0.0
    return Room(
        tokens=new_token_room(plan, n_tokens),
        cells=aligned((n_tokens, cell_stride(plan)), np.int32),
        values=values,
        block_at=n_tokens * stride,
        n_at_once=n_at_once,
        counts=np.empty(n_at_once * (n_cells + 1), dtype=np.int32),
        keys=np.empty(n_cells + 1, dtype=np.int32),
        sources=np.empty(n_cells, dtype=np.int64),
        divisors=np.empty(n_cells, dtype=np.float32),
        inverses=np.empty(n_cells, dtype=np.float32),
        means=aligned((n_cells * plan.width if finish.n_sketched else 0,)),
        row=np.empty(max(finish.n_sketched, d_whole, 1024), dtype=np.float32),
        plain=_NONE,
    )


def _zeros(n: int) -> Float32s:
    room = aligned((n,))
    room[:] = 0.0
    return room


def _panels(columns: Float32s) -> Float32s:
    """(head, n) as (panels, head, PANEL), zeros where there is no column."""
    n_panels = -(-columns.shape[1] // PANEL)
    padded = np.zeros((columns.shape[0], n_panels * PANEL), dtype=np.float32)
    padded[:, : columns.shape[1]] = columns
    return _placed(padded.reshape(columns.shape[0], n_panels, PANEL).swapaxes(0, 1))


def _doubt(normals: Float32s) -> float:
    """Twice Higham's bound on the error of a product of float32, over the length of a row."""
    n = normals.shape[1] + 2
    lengths = np.sqrt(np.square(normals, dtype=np.float64).sum(axis=1))
    return float(2.02 * n * 2.0**-24 * lengths.max(initial=0.0))


def _flat(array: npt.NDArray[np.float32] | None) -> Float32s:
    return _NONE.copy() if array is None else _placed(array).reshape(-1)


def _placed(array: npt.NDArray[np.float32]) -> Float32s:
    """The same numbers, C-contiguous from a cache line on."""
    room = aligned(array.shape)
    room[...] = array
    return room
