"""Fixed dimensional encodings."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vectors.fde.encode as module
from foundation.errors import InvalidInput, InvalidParams
from tests.oracles import fde as oracle
from tests.oracles.maxsim import chamfer
from tests.vectors.strategies import coded_sets, plain, random_sets
from vectors.fde.encode import FDEMatrices, FDEParams, encode_documents, encode_queries, fde_matrices
from vectors.fde.params import MODES
from vectors.tokens.multivector import MultiVectors

IDENTITY = FDEParams(num_repetitions=1, k_sim=2, d_proj=None, mode="reference")
AXES = FDEMatrices(simhash=np.eye(2, dtype=np.float32)[None])


def dense_map(
    matrices: FDEMatrices, head: int, params: FDEParams
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    """Hyperplanes and projections that do what the matrices of any mode do."""

    def exact(array: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float64] | None:
        return None if array is None else array.astype(np.float64)

    normals, projection = exact(matrices.simhash), exact(matrices.projection)
    rotation, bits, columns = exact(matrices.rotation), exact(matrices.bit_signs), exact(matrices.column_signs)
    if rotation is not None and bits is not None:
        normals = oracle.dense_normals(rotation, bits, head, params.num_repetitions, params.k_sim)
    if rotation is not None and columns is not None:
        projection = oracle.dense_projections(rotation, columns, head, params.num_repetitions)
    assert normals is not None
    return normals, projection


def encoded_by_oracle(
    sets: MultiVectors, params: FDEParams, matrices: FDEMatrices, *, is_document: bool
) -> npt.NDArray[np.float64]:
    rows = []
    for doc in range(sets.n_docs):
        points = sets.doc(doc).astype(np.float64)
        head, tail = points[:, : sets.dim - params.d_whole], points[:, sets.dim - params.d_whole :]
        hashed = head if params.d_whole == 0 else head[head.any(axis=1)]
        encoding = oracle.encode(
            hashed,
            *dense_map(matrices, head.shape[1], params),
            is_document=is_document,
            fill_empty=params.fill_empty,
            final_slots=matrices.final_slots,
            final_signs=None if matrices.final_signs is None else matrices.final_signs.astype(np.float64),
            d_final=params.d_final,
        )
        rows.append(np.concatenate((encoding, tail.sum(axis=0) * np.sqrt(params.num_repetitions))))
    return np.reshape(rows, (sets.n_docs, params.fde_dim(sets.dim)))


def test_the_worked_example_comes_out_exactly() -> None:
    query = MultiVectors.from_list([[[2.0, 1.0], [-1.0, 3.0]]])
    document = MultiVectors.from_list([[[1.0, 1.0], [3.0, 1.0], [-1.0, -2.0]]])
    unfilled = dataclasses.replace(IDENTITY, fill_empty=False)
    encoded_query = encode_queries(query, IDENTITY, matrices=AXES)[0]
    without_fill = encode_documents(document, unfilled, matrices=AXES)[0]
    with_fill = encode_documents(document, IDENTITY, matrices=AXES)[0]
    assert encoded_query.tolist() == [0, 0, -1, 3, 2, 1, 0, 0]
    assert without_fill.tolist() == [-1, -2, 0, 0, 2, 1, 0, 0]
    assert with_fill.tolist() == [-1, -2, 1, 1, 2, 1, 1, 1]
    assert encoded_query @ without_fill == 5
    assert encoded_query @ with_fill == 7
    assert chamfer(query.doc(0), document.doc(0)) == 9


def test_filling_can_lower_the_product_of_a_single_pair() -> None:
    def unit(sets: list[list[float]]) -> MultiVectors:
        tokens = np.array(sets)
        return MultiVectors.from_list([tokens / np.linalg.norm(tokens, axis=1, keepdims=True)])

    query, document = unit([[1, 0.5], [-1, 0.5]]), unit([[1, 1], [1, 0.2], [-0.6, -0.8]])
    encoded = encode_queries(query, IDENTITY, matrices=AXES)[0]
    products = [
        encoded @ encode_documents(document, dataclasses.replace(IDENTITY, fill_empty=fill), matrices=AXES)[0]
        for fill in (False, True)
    ]
    np.testing.assert_allclose(
        [chamfer(query.doc(0), document.doc(0)), *products], [1.143649, 0.956724, 0.640496], atol=1e-6
    )


def cells_of_all_sign_patterns(k_sim: int) -> list[int]:
    """Cell of the token whose signs are the binary digits of 0, 1, 2, …, the first projection most significant."""
    patterns = np.arange(2**k_sim)
    signs = (patterns[:, None] >> np.arange(k_sim)[::-1]) & 1
    tokens = MultiVectors.from_list(list((2.0 * signs - 1.0)[:, None, :]))
    params = FDEParams(num_repetitions=1, k_sim=k_sim, d_proj=None, mode="reference")
    encoded = encode_queries(tokens, params, matrices=FDEMatrices(simhash=np.eye(k_sim, dtype=np.float32)[None]))
    blocks = encoded.reshape(len(patterns), 2**k_sim, k_sim)
    assert (blocks.any(axis=2).sum(axis=1) == 1).all()
    return [int(cell) for cell in blocks.any(axis=2).argmax(axis=1)]


def test_cells_are_numbered_by_the_prefix_xor_of_the_signs() -> None:
    assert cells_of_all_sign_patterns(3) == [0, 1, 3, 2, 7, 6, 4, 5]


@pytest.mark.parametrize("k_sim", range(1, 11))
def test_a_cell_number_tells_the_signs_back(k_sim: int) -> None:
    assert [oracle.signs_of_code(cell) for cell in cells_of_all_sign_patterns(k_sim)] == list(range(2**k_sim))


def test_a_token_lies_in_its_own_cell_at_no_distance() -> None:
    products = np.random.default_rng(0).standard_normal((50, 7))
    assert all(oracle.distance_to_partition(row, oracle.partition_of(row)) == 0 for row in products)


@pytest.mark.parametrize("mode", MODES)
def test_filling_changes_no_cell_that_holds_a_token_and_leaves_none_empty(mode: str) -> None:
    params = FDEParams(num_repetitions=5, k_sim=4, d_proj=None, mode=mode)
    documents = random_sets(4, [1, 6, 30], 12)
    blocks = [
        encode_documents(documents, dataclasses.replace(params, fill_empty=fill)).reshape(-1, 12)
        for fill in (False, True)
    ]
    held = blocks[0].any(axis=1)
    assert 0 < np.count_nonzero(held) < held.size
    np.testing.assert_array_equal(blocks[1][held], blocks[0][held])
    assert blocks[1].any(axis=1).all()


def test_a_product_of_zero_is_a_zero_bit() -> None:
    encoded = encode_queries(MultiVectors.from_list([[[0.0, 5.0]], [[-0.0, 5.0]]]), IDENTITY, matrices=AXES)
    assert encoded.tolist() == [[0, 0, 0, 5, 0, 0, 0, 0]] * 2


DIM = 4
MATRIX_ENTRIES = st.integers(-4, 4).map(lambda n: n / 4)


@st.composite
def cases(draw: st.DrawFn) -> tuple[MultiVectors, FDEParams, FDEMatrices]:
    """Sets, parameters and matrices whose products with tokens are exact in float32: no sign depends on rounding."""
    mode = draw(st.sampled_from(MODES))
    params = FDEParams(
        mode=mode,
        num_repetitions=draw(st.integers(1, 3)),
        k_sim=draw(st.integers(0, 4)),
        d_proj=draw(st.sampled_from([None, 1, 3, 16])),
        d_final=draw(st.sampled_from([None, 1, 5, 64])),
        seed=draw(st.integers(0, 5)),
        fill_empty=draw(st.booleans()),
        projection=draw(st.sampled_from(["dense", "count_sketch"])) if mode == "reference" else "dense",
        d_whole=draw(st.sampled_from([0, 0, 1, 2])),
    )
    drawn = fde_matrices(DIM, params)
    if drawn.simhash is None:
        return draw(coded_sets(dim=DIM)), params, drawn
    size = drawn.simhash.size
    entries = draw(st.lists(MATRIX_ENTRIES, min_size=size, max_size=size))
    simhash = np.array(entries, dtype=np.float32).reshape(drawn.simhash.shape)
    return draw(coded_sets(dim=DIM)), params, dataclasses.replace(drawn, simhash=simhash)


@settings(deadline=None, max_examples=300)
@given(case=cases())
def test_agrees_with_a_transcription_of_the_reference(case: tuple[MultiVectors, FDEParams, FDEMatrices]) -> None:
    sets, params, matrices = case
    for encode, is_document in ((encode_documents, True), (encode_queries, False)):
        encoded = encode(sets, params, matrices=matrices)
        assert encoded.dtype == np.float32
        expected = encoded_by_oracle(sets, params, matrices, is_document=is_document)
        np.testing.assert_allclose(encoded, expected, rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=100)
@given(case=cases())
def test_bytes_do_not_depend_on_the_layout(case: tuple[MultiVectors, FDEParams, FDEMatrices]) -> None:
    sets, params, matrices = case
    for encode in (encode_documents, encode_queries):
        coded = encode(sets, params, matrices=matrices)
        assert encode(plain(sets), params, matrices=matrices).tobytes() == coded.tobytes()


@pytest.mark.parametrize("sizes", [[5, 0, 3], [0, 0], [], [200]])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "reference", "projection": "count_sketch", "d_final": 99},
        *({"mode": mode, "k_sim": k_sim, "d_proj": d_proj} for mode in MODES for k_sim, d_proj in ((4, 16), (6, 10))),
    ],
)
def test_drawn_matrices_give_what_the_transcription_gives(sizes: list[int], options: dict[str, Any]) -> None:
    sets = random_sets(0, sizes, 24)
    params = dataclasses.replace(FDEParams(num_repetitions=3), **options)
    matrices = fde_matrices(24, params)
    products = np.einsum("nd,rdk->rnk", sets.vectors.astype(np.float64), dense_map(matrices, 24, params)[0])
    assert sets.n_tokens == 0 or np.abs(products).min() > 1e-6  # rounding decides no sign
    expected = encoded_by_oracle(sets, params, matrices, is_document=True)
    np.testing.assert_allclose(encode_documents(sets, params), expected, rtol=1e-5, atol=1e-5)


def example_sets() -> MultiVectors:
    """Coded documents of 0 to 40 tokens; every tenth token is a whole-document one: zero but for its last numbers."""
    random = np.random.default_rng(7)
    table = random_sets(8, [300], 20).vectors.copy()
    table[::10, :16] = 0.0
    sizes = random.integers(0, 41, 120)
    sizes[50] = 700  # more than a block
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    codes = random.integers(0, 300, offsets[-1]).astype(np.int32)
    return MultiVectors(vectors=table, offsets=offsets, codes=codes)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "params",
    [
        FDEParams(num_repetitions=3, d_final=64),
        FDEParams(num_repetitions=2, k_sim=3, d_proj=None),
        FDEParams(num_repetitions=2, k_sim=3, d_proj=8, d_whole=4),
        FDEParams(num_repetitions=2, k_sim=3, d_proj=None, d_whole=4, d_final=33),
    ],
)
def test_bytes_do_not_depend_on_ranges_threads_or_blocks(
    mode: str, params: FDEParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, params = example_sets(), dataclasses.replace(params, mode=mode)
    whole = {encode: encode(sets, params) for encode in (encode_documents, encode_queries)}
    assert np.isfinite(whole[encode_documents]).all()
    for name, value in (("_BLOCK_BYTES", 8000), ("_ROWS_PER_CALL", 7), ("_TOKENS_PER_CALL", 50)):
        monkeypatch.setattr(module, name, value)
    for encode, expected in whole.items():
        for layout in (sets, plain(sets)):
            for n_threads in (1, 3):
                assert encode(layout, params, n_threads).tobytes() == expected.tobytes()
            parts = [
                encode(layout.slice(start, stop), params) for start, stop in ((0, 1), (1, 50), (50, 51), (51, 120))
            ]
            assert np.concatenate(parts).tobytes() == expected.tobytes()


def test_readonly_input_compiles_nothing_new() -> None:
    sets = example_sets()
    expected = encode_documents(sets, FDEParams(num_repetitions=1))
    kernels = module.fill_tables, module.encode_codes
    signatures = [len(kernel.signatures) for kernel in kernels]
    for array in (sets.vectors, sets.offsets, sets.codes):
        assert array is not None
        array.flags.writeable = False
    assert encode_documents(sets, FDEParams(num_repetitions=1)).tobytes() == expected.tobytes()
    assert [len(kernel.signatures) for kernel in kernels] == signatures


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 8), st.integers(1, 12)),
    k_sim=st.integers(0, 5),
    mode=st.sampled_from(MODES),
)
def test_without_projection_the_product_never_exceeds_maxsim(
    seed: int, sizes: tuple[int, int], k_sim: int, mode: str
) -> None:
    pair = random_sets(seed, list(sizes), 6)
    query, document = pair.slice(0, 1), pair.slice(1, 2)
    params = FDEParams(num_repetitions=4, k_sim=k_sim, d_proj=None, seed=seed % 7, mode=mode)
    product = encode_queries(query, params)[0] @ encode_documents(document, params)[0] / params.num_repetitions
    assert product <= chamfer(query.doc(0), document.doc(0)) + 1e-5


@settings(deadline=None, max_examples=50)
@given(first=coded_sets(dim=3, min_docs=1, max_docs=1), second=coded_sets(dim=3, min_docs=1, max_docs=1))
def test_queries_add_up(first: MultiVectors, second: MultiVectors) -> None:
    params = FDEParams(num_repetitions=3, k_sim=3, d_proj=4, d_final=40)
    union = MultiVectors.from_list([np.concatenate((first.doc(0), second.doc(0)))], dim=3)
    total = encode_queries(first, params) + encode_queries(second, params)
    np.testing.assert_allclose(encode_queries(union, params), total, atol=1e-4)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 1000), n_tokens=st.integers(1, 12), n_copies=st.integers(2, 4))
def test_documents_do_not_change_when_every_token_is_repeated(seed: int, n_tokens: int, n_copies: int) -> None:
    document = random_sets(seed, [n_tokens], 5)
    repeated = MultiVectors.from_list([np.repeat(document.doc(0), n_copies, axis=0)])
    params = FDEParams(num_repetitions=4, k_sim=3, d_proj=6)
    np.testing.assert_allclose(encode_documents(repeated, params), encode_documents(document, params), atol=1e-5)


def test_documents_do_not_depend_on_the_order_of_tokens_when_no_cell_is_empty() -> None:
    document = random_sets(1, [300], 8)
    params = FDEParams(num_repetitions=2, k_sim=2, d_proj=4)
    assert (encode_documents(document, dataclasses.replace(params, fill_empty=False)).reshape(-1, 4) != 0).any(1).all()
    shuffled = MultiVectors.from_list([document.vectors[np.random.default_rng(2).permutation(300)]])
    np.testing.assert_allclose(encode_documents(shuffled, params), encode_documents(document, params), atol=1e-5)


def test_an_empty_set_is_the_zero_vector() -> None:
    sets = MultiVectors.from_list([[], [[1.0, 2.0]], []])
    for encode in (encode_documents, encode_queries):
        encoded = encode(sets, FDEParams(num_repetitions=2, d_final=50))
        assert encoded.shape == (3, 50)
        assert encoded.any(axis=1).tolist() == [False, True, False]


def test_the_final_sketch_keeps_dot_products_on_average() -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((2, 1000)) + 1.0
    products = np.empty(4000)
    for seed in range(products.size):
        params = FDEParams(num_repetitions=1, k_sim=0, d_proj=None, d_final=64, seed=seed)
        matrices = fde_matrices(1000, params)
        assert matrices.final_slots is not None
        assert matrices.final_signs is not None
        sketched = [np.bincount(matrices.final_slots, matrices.final_signs * z, minlength=64) for z in (x, y)]
        products[seed] = sketched[0] @ sketched[1]
    exact = x @ y
    variance = ((x @ x) * (y @ y) + exact**2 - 2 * np.sum(x**2 * y**2)) / 64
    assert abs(products.mean() - exact) < 4 * np.sqrt(variance / products.size)
    assert abs(products.var() / variance - 1) < 0.05


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "reference"},
        {"mode": "reference", "projection": "count_sketch"},
        {"mode": "structured"},
        {"mode": "structured", "d_proj": 5},
        {"mode": "gaussian+structured", "d_proj": 64},
    ],
)
def test_the_inner_projection_keeps_dot_products_on_average(options: dict[str, Any]) -> None:
    random = np.random.default_rng(1)
    x, y = random.standard_normal((2, 30))
    products = []
    for seed in range(200):  # repetitions of one seed share a rotation
        params = FDEParams(num_repetitions=20, k_sim=0, **{"d_proj": 8, **options}, seed=seed)
        projection = dense_map(fde_matrices(30, params), 30, params)[1]
        assert projection is not None
        products.append(np.einsum("d,rdj,e,rej->r", x, projection, y, projection, optimize=True).mean())
    # All rows of a structured matrix together lose nothing: then only float32 is between the two.
    assert abs(np.mean(products) - x @ y) < 4 * np.std(products) / np.sqrt(len(products)) + 1e-6


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n_ones", [1, 2, 40])
def test_two_tokens_share_a_bit_as_often_as_their_angle_says(mode: str, n_ones: int) -> None:
    pair = np.zeros((2, 64))
    pair[0, :n_ones], pair[1, 1 : n_ones + 1] = 1.0, 1.0  # sparse: what one round of transforms would fail on
    pair[:, 50] = 0.3, 0.2
    shared = []
    for seed in range(40):
        params = FDEParams(num_repetitions=12, k_sim=5, mode=mode, seed=seed)
        products = np.einsum("nd,rdk->nrk", pair, dense_map(fde_matrices(64, params), 64, params)[0])
        shared.append(((products[0] > 0) == (products[1] > 0)).mean())
    cosine = pair[0] @ pair[1] / np.linalg.norm(pair[0]) / np.linalg.norm(pair[1])
    assert abs(np.mean(shared) - (1 - np.arccos(cosine) / np.pi)) < 0.025


def test_matrices_are_those_the_parameters_describe() -> None:
    dense = fde_matrices(10, FDEParams(num_repetitions=3, d_proj=16, mode="reference")).projection
    sketch = fde_matrices(
        10, FDEParams(num_repetitions=3, d_proj=16, mode="reference", projection="count_sketch")
    ).projection
    assert dense is not None
    assert sketch is not None
    assert set(np.abs(dense).ravel().tolist()) == {0.25}
    assert (np.abs(sketch).sum(axis=2) == 1).all()
    assert (np.count_nonzero(sketch, axis=2) == 1).all()


def test_a_repetition_does_not_depend_on_how_many_there_are() -> None:
    sets = random_sets(0, [6, 2], 9)
    few, many = (FDEParams(num_repetitions=n, k_sim=3, d_proj=4, mode="reference") for n in (2, 5))
    encoded = encode_documents(sets, many)
    assert encoded[:, : few.fde_dim(9)].tobytes() == encode_documents(sets, few).tobytes()
    assert not np.array_equal(encoded[:, : few.fde_dim(9)], encoded[:, few.fde_dim(9) : 2 * few.fde_dim(9)])


def test_another_seed_or_mode_is_another_map() -> None:
    sets = random_sets(0, [6], 9)
    maps = [FDEParams(mode=mode, seed=seed) for mode in MODES for seed in (0, 1)]
    assert len({encode_documents(sets, params).tobytes() for params in maps}) == len(maps)


def planted(seed: int) -> tuple[MultiVectors, MultiVectors]:
    """A query of 8 tokens, and 200 documents of 20, each near some of the query's tokens in its own measure."""
    random = np.random.default_rng(seed)

    def unit(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    query = unit(random.standard_normal((8, 32)))
    tokens = unit(random.standard_normal((200, 20, 32)))
    for doc in range(200):
        n_near = random.integers(0, 9)
        noise = 0.4 * random.random() * unit(random.standard_normal((n_near, 32)))
        tokens[doc, :n_near] = unit(query[random.permutation(8)[:n_near]] + noise)
    return MultiVectors.from_list([query]), MultiVectors.from_list(list(tokens))


def correlation(query: MultiVectors, documents: MultiVectors, params: FDEParams) -> float:
    exact = [chamfer(query.doc(0), documents.doc(doc)) for doc in range(documents.n_docs)]
    products = encode_documents(documents, params) @ encode_queries(query, params)[0]
    return float(np.corrcoef(exact, products)[0, 1])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(3))
def test_products_rank_planted_documents_as_maxsim_does(seed: int, mode: str) -> None:
    query, documents = planted(seed)
    once = FDEParams(num_repetitions=1, k_sim=3, d_proj=None, seed=seed, mode=mode)
    narrow = FDEParams(num_repetitions=20, k_sim=5, d_proj=8, seed=seed, mode=mode)
    filled = correlation(query, documents, narrow)
    assert correlation(query, documents, once) >= 0.70
    assert correlation(query, documents, dataclasses.replace(once, num_repetitions=20)) >= 0.95
    assert filled >= 0.90
    assert filled >= correlation(query, documents, dataclasses.replace(narrow, fill_empty=False))


def test_one_cell_holds_the_mean_of_all_repeated_for_every_repetition() -> None:
    document = random_sets(0, [9], 5)
    encoded = encode_documents(document, FDEParams(num_repetitions=3, k_sim=0, d_proj=None))[0]
    np.testing.assert_allclose(encoded, np.tile(document.vectors.mean(axis=0), 3), atol=1e-6)


@pytest.mark.parametrize(
    ("params", "width"),
    [
        (FDEParams(), 20 * 32 * 16),
        (FDEParams(num_repetitions=3, k_sim=2, d_proj=None), 3 * 4 * 7),
        (FDEParams(num_repetitions=3, k_sim=2, d_proj=None, d_whole=2), 3 * 4 * 5 + 2),
        (FDEParams(d_final=100), 100),
        (FDEParams(d_final=100, d_whole=3), 103),
    ],
)
def test_encodings_are_as_wide_as_the_parameters_say(params: FDEParams, width: int) -> None:
    assert params.fde_dim(7) == width
    assert encode_documents(random_sets(0, [2], 7), params).shape == (1, width)


def test_queries_are_never_filled() -> None:
    queries = random_sets(0, [2], 6)
    params = FDEParams(num_repetitions=1, k_sim=4, d_proj=None)
    encoded = encode_queries(queries, params)
    assert (encoded.reshape(16, 6).any(axis=1)).sum() <= 2
    assert encode_queries(queries, dataclasses.replace(params, fill_empty=False)).tobytes() == encoded.tobytes()


def test_a_whole_text_vector_counts_exactly_and_is_in_no_cell() -> None:
    random = np.random.default_rng(5)

    def with_whole(n_tokens: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        tokens, whole = random.standard_normal((n_tokens, 6)), random.standard_normal(3)
        return tokens, whole

    (q, q_whole), (d, d_whole) = with_whole(4), with_whole(11)
    joined = [
        np.block([[x, np.zeros((len(x), 3))], [np.zeros((1, 6)), w[None]]]) for x, w in ((q, q_whole), (d, d_whole))
    ]
    alone = FDEParams(num_repetitions=7, k_sim=3, d_proj=None)
    params = dataclasses.replace(alone, d_whole=3)
    query, document = (MultiVectors.from_list([x]) for x in joined)
    of_tokens = (
        encode_queries(MultiVectors.from_list([q]), alone)[0] @ encode_documents(MultiVectors.from_list([d]), alone)[0]
    )
    product = encode_queries(query, params)[0] @ encode_documents(document, params)[0]
    np.testing.assert_allclose(product / 7, of_tokens / 7 + q_whole @ d_whole, rtol=1e-5)


def test_a_document_of_nothing_but_a_whole_text_vector_has_no_cells() -> None:
    params = FDEParams(num_repetitions=4, k_sim=2, d_proj=3, d_whole=1)
    encoded = encode_documents(MultiVectors.from_list([[[0.0, 0.0, 5.0]]]), params)[0]
    assert encoded.tolist() == [0.0] * (4 * 4 * 3) + [10.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"k_sim": 31},
        {"k_sim": -1},
        {"num_repetitions": 0},
        {"d_proj": 0},
        {"d_final": 0},
        {"d_whole": -1},
        {"projection": "sparse"},
        {"mode": "fast"},
        {"mode": "structured", "projection": "count_sketch"},
        {"k_sim": 30, "d_final": 16},
    ],
)
def test_parameters_that_cannot_run_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        FDEParams(**wrong)


def test_a_whole_text_part_as_wide_as_the_tokens_is_refused() -> None:
    with pytest.raises(InvalidParams, match="d_whole = 3"):
        encode_documents(random_sets(0, [1], 3), FDEParams(d_whole=3))


@pytest.mark.parametrize(
    ("params", "matrices"),
    [
        (IDENTITY, FDEMatrices(simhash=np.zeros((1, 3, 2), np.float32))),
        (IDENTITY, FDEMatrices(simhash=np.zeros((1, 2, 3), np.float32))),
        (IDENTITY, FDEMatrices(simhash=AXES.simhash, projection=np.zeros((1, 2, 4), np.float32))),
        (IDENTITY, FDEMatrices(simhash=AXES.simhash, final_slots=np.zeros(8, np.int64))),
        (dataclasses.replace(IDENTITY, d_proj=3), AXES),
        (dataclasses.replace(IDENTITY, d_final=3), AXES),
        (
            dataclasses.replace(IDENTITY, d_final=3),
            dataclasses.replace(AXES, final_slots=np.full(8, 3), final_signs=np.ones(8, np.float32)),
        ),
    ],
)
def test_matrices_that_do_not_fit_are_refused(params: FDEParams, matrices: FDEMatrices) -> None:
    with pytest.raises(InvalidInput, match="fde matrices"):
        encode_documents(MultiVectors.from_list([[[1.0, 2.0]]]), params, matrices=matrices)


def test_parameters_survive_json() -> None:
    params = FDEParams(d_proj=None, d_final=7, mode="gaussian+structured")
    assert FDEParams(**json.loads(json.dumps(dataclasses.asdict(params)))) == params


CHANGES: list[dict[str, Any]] = [
    {"num_repetitions": 3},
    {"k_sim": 2},
    {"d_proj": None},
    {"d_final": 64},
    {"seed": 1},
    {"fill_empty": False},
    {"mode": "reference"},
    {"mode": "reference", "projection": "count_sketch"},
    {"d_whole": 4},
]


def test_the_hash_of_a_configuration_tells_all_that_decides_encodings() -> None:
    hashes = [FDEParams(**change).config_hash(32) for change in CHANGES] + [FDEParams().config_hash(16)]
    assert {name for change in CHANGES for name in change} == {field.name for field in dataclasses.fields(FDEParams)}
    assert len({*hashes, FDEParams().config_hash(32)}) == len(CHANGES) + 2
    assert FDEParams(seed=0).config_hash(32) == FDEParams().config_hash(32)
