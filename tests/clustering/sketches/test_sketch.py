"""Four kinds of sketches against the theory of their estimators."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.kernels.sketching import mix32
from clustering.minhash import MinHashParams, minhash
from clustering.sketches.sketch import (
    Kind,
    Sketches,
    SketchParams,
    all_similarities,
    merge,
    similarity,
    sketch,
)
from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import key
from tests.clustering.strategies import ELEMENTS, as_csr, set_families
from tests.oracles.sketches import generalised_jaccard, rotation_densified

UNWEIGHTED: tuple[Kind, ...] = ("minhash", "one_permutation", "superminhash")
WIDTHS = st.sampled_from([1, 2, 7, 40])


def estimates(
    kind: Kind, left: range, right: range, num_perm: int, n_trials: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Of one pair of sets, a seed each."""
    sets = as_csr([list(left), list(right)])
    found = []
    for seed in range(n_trials):
        made = sketch(*sets, SketchParams(kind=kind, num_perm=num_perm, seed=seed))
        found.append(similarity(made.rows(0), made.rows(1)).estimate[0])
    return np.array(found)


@settings(deadline=None, max_examples=60)
@given(kind=st.sampled_from(UNWEIGHTED), sets=set_families(), num_perm=WIDTHS)
def test_exactly_the_empty_sets_are_marked_and_they_match_nothing(
    kind: Kind, sets: list[list[int]], num_perm: int
) -> None:
    made = sketch(*as_csr(sets), SketchParams(kind=kind, num_perm=num_perm))
    empty = np.array([not members for members in sets], dtype=bool)
    np.testing.assert_array_equal((made.signatures == 2**32 - 1).all(axis=1), empty)
    np.testing.assert_array_equal((made.signatures == 2**32 - 1).any(axis=1), empty)
    assert not all_similarities(made, made).estimate[empty].any()
    assert (np.diag(all_similarities(made, made).estimate) == ~empty).all()


@settings(deadline=None, max_examples=60)
@given(kind=st.sampled_from(UNWEIGHTED), sets=set_families(), num_perm=WIDTHS, data=st.data())
def test_order_and_repetition_of_elements_change_nothing(
    kind: Kind, sets: list[list[int]], num_perm: int, data: st.DataObject
) -> None:
    params = SketchParams(kind=kind, num_perm=num_perm, seed=3)
    shuffled = [data.draw(st.permutations(members + members[:2])) for members in sets]
    expected = sketch(*as_csr(sets), params).signatures
    np.testing.assert_array_equal(sketch(*as_csr(shuffled), params).signatures, expected)


@settings(deadline=None, max_examples=80)
@given(kind=st.sampled_from(UNWEIGHTED), left=st.lists(ELEMENTS), right=st.lists(ELEMENTS), num_perm=WIDTHS)
def test_the_merged_sketch_is_that_of_the_union(kind: Kind, left: list[int], right: list[int], num_perm: int) -> None:
    params = SketchParams(kind=kind, num_perm=num_perm, seed=3)
    made = sketch(*as_csr([left, right, left + right]), params)
    np.testing.assert_array_equal(merge(made.rows(0), made.rows(1)).signatures, made.rows(2).signatures)


@pytest.mark.parametrize("kind", [*UNWEIGHTED, "weighted"])
def test_bytes_depend_neither_on_threads_nor_on_ranges(kind: Kind) -> None:
    rng = np.random.default_rng(5)
    sizes = rng.integers(0, 60, 3000) * (rng.random(3000) < 0.9)
    indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    indices = rng.integers(0, 10_000, indptr[-1]).astype(np.uint32)
    weights = rng.random(indices.size) if kind == "weighted" else None
    params = SketchParams(kind=kind, num_perm=12)
    whole = sketch(indptr, indices, params, weights=weights).signatures
    assert sketch(indptr, indices, params, weights=weights, n_threads=3).signatures.tobytes() == whole.tobytes()
    wide = sketch(indptr, indices.astype(np.uint64), params, weights=weights).signatures
    assert wide.tobytes() == whole.tobytes()
    cuts = [0, 1, 999, 999, 3000]
    parts = [
        sketch(indptr, indices, params, weights=weights, start=a, stop=b).signatures
        for a, b in itertools.pairwise(cuts)
    ]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_minhash_rows_are_those_of_the_plain_function() -> None:
    sets = as_csr([[1, 2], [], [7]])
    made = sketch(*sets, SketchParams(num_perm=20, seed=4))
    np.testing.assert_array_equal(made.signatures, minhash(*sets, MinHashParams(num_perm=20, seed=4)))


@pytest.mark.parametrize("kind", UNWEIGHTED)
@pytest.mark.parametrize(("size", "shared"), [(1, 0), (6, 1), (40, 20), (300, 200)])
def test_estimates_are_unbiased(kind: Kind, size: int, shared: int) -> None:
    truth = shared / (2 * size - shared)
    found = estimates(kind, range(size), range(size - shared, 2 * size - shared), 64, 500)
    spread = max(found.std(), 1e-4)
    assert abs(found.mean() - truth) < 4 * spread / np.sqrt(500)


def test_one_permutation_of_large_sets_has_the_variance_of_independent_slots() -> None:
    found = estimates("one_permutation", range(640), range(320, 960), 64, 600)
    truth = 1 / 3
    # The standard deviation of 600 values has a standard error of 2.9 %; sampling without replacement helps a little.
    assert found.std() == pytest.approx(np.sqrt(truth * (1 - truth) / 64), rel=0.13)


def test_optimal_densification_beats_rotation_on_small_sets() -> None:
    left, right, num_perm, n_trials = range(20), range(10, 30), 128, 600
    ours = estimates("one_permutation", left, right, num_perm, n_trials)
    theirs = []
    for seed in range(n_trials):
        salt = np.uint32(key(seed, "rotation") & 0xFFFFFFFF)
        rows = []
        for members in (left, right):
            row: list[int | None] = [None] * num_perm
            for element in members:
                word = int(mix32(element, salt))
                place, best = word * num_perm >> 32, row[word * num_perm >> 32]
                row[place] = word if best is None else min(best, word)
            rows.append(rotation_densified(row))
        theirs.append(np.mean([a == b for a, b in zip(*rows, strict=True)]))
    assert abs(ours.mean() - 1 / 3) < 0.01
    assert abs(np.mean(theirs) - 1 / 3) < 0.015
    assert np.var(theirs) > 2 * ours.var()


def test_superminhash_has_less_variance_than_independent_slots() -> None:
    found = estimates("superminhash", range(40), range(20, 60), 64, 600)
    truth = 1 / 3
    assert found.var() < 0.75 * truth * (1 - truth) / 64


def test_weighted_estimates_are_those_of_the_generalised_similarity() -> None:
    rng = np.random.default_rng(1)
    left = {x: float(w) for x, w in zip(range(12), rng.gamma(1, 2, 12), strict=True)}
    right = {x: float(w) for x, w in zip(range(5, 17), rng.gamma(1, 2, 12), strict=True)}
    truth, n_slots = generalised_jaccard(left, right), 4000
    indptr = np.array([0, 12, 24], dtype=np.int64)
    indices = np.array([*left, *right], dtype=np.int64)
    weights = np.array([*left.values(), *right.values()])
    made = sketch(indptr, indices, SketchParams(kind="weighted", num_perm=n_slots), weights=weights)
    found = similarity(made.rows(0), made.rows(1))
    assert found.estimate[0] == pytest.approx(truth, abs=4 * found.standard_error[0])


def test_the_published_pair_of_weighted_vectors_is_estimated_without_bias() -> None:
    # (1, 2, 3, 0) and (2, 1, 3, 1): 5 / 8; without the level a chosen element was drawn at it would be .67.
    indptr, indices = np.array([0, 4, 8], dtype=np.int64), np.array([0, 1, 2, 3] * 2, dtype=np.int64)
    weights = np.array([1, 2, 3, 0, 2, 1, 3, 1])
    made = sketch(indptr, indices, SketchParams(kind="weighted", num_perm=20_000), weights=weights)
    assert similarity(made.rows(0), made.rows(1)).estimate[0] == pytest.approx(0.625, abs=0.014)


@settings(deadline=None, max_examples=40)
@given(members=st.dictionaries(st.integers(0, 30), st.floats(1e-3, 1e3), min_size=1, max_size=12))
def test_scaling_both_vectors_keeps_the_estimate_and_heavier_ones_change_it(members: dict[int, float]) -> None:
    indptr = np.array([0, len(members), 2 * len(members)], dtype=np.int64)
    indices = np.array([*members, *members], dtype=np.int64)
    weights = np.array([*members.values(), *(2 * w for w in members.values())])
    made = sketch(indptr, indices, SketchParams(kind="weighted", num_perm=600), weights=weights)
    found = similarity(made.rows(0), made.rows(1))
    assert found.estimate[0] == pytest.approx(0.5, abs=5 * found.standard_error[0])


def test_elements_without_weight_are_no_members() -> None:
    indptr, indices = np.array([0, 3, 4, 6], dtype=np.int64), np.array([1, 2, 3, 9, 1, 3], dtype=np.int64)
    params = SketchParams(kind="weighted", num_perm=16)
    made = sketch(indptr, indices, params, weights=np.array([1.0, 0, 2, 0, 1, 2])).signatures
    np.testing.assert_array_equal(made[0], made[2])
    assert np.all(made[1] == 2**32 - 1)


@pytest.mark.parametrize(
    ("params", "weights", "words"),
    [
        (SketchParams(kind="weighted"), None, "none for sketches of kind weighted"),
        (SketchParams(), [1.0, 1.0], "some for sketches of kind minhash"),
        (SketchParams(kind="weighted"), [1.0, -1.0], "-1.0 at position 1"),
        (SketchParams(kind="weighted"), [np.nan, 1.0], "nan at position 0"),
        (SketchParams(kind="weighted"), [np.inf, 1.0], "inf at position 0"),
        (SketchParams(kind="weighted"), [1.0], "one per element"),
    ],
)
def test_weights_that_make_no_sense_are_refused(params: SketchParams, weights: list[float] | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        sketch(*as_csr([[1, 2]]), params, weights=None if weights is None else np.array(weights))


def test_kinds_lengths_and_seeds_never_mix() -> None:
    sets = as_csr([[1, 2, 3], [2, 3]])
    plain = sketch(*sets, SketchParams(num_perm=32))
    others = [
        SketchParams(kind="one_permutation", num_perm=32),
        SketchParams(kind="superminhash", num_perm=32),
        SketchParams(num_perm=16),
        SketchParams(num_perm=32, seed=1),
    ]
    for other in others:
        made = sketch(*sets, other)
        for compare in (similarity, all_similarities, merge):
            with pytest.raises(InvalidInput, match="cannot be compared with") as caught:
                compare(plain, made)
            assert "\n" not in str(caught.value)


def test_what_cannot_be_merged_is_refused() -> None:
    indptr, indices = as_csr([[1, 2], [3]])
    weighted = sketch(indptr, indices, SketchParams(kind="weighted", num_perm=4), weights=np.ones(3))
    with pytest.raises(InvalidInput, match="cannot be merged"):
        merge(weighted, weighted)
    once = sketch(indptr, indices, SketchParams(kind="one_permutation", num_perm=4))
    with pytest.raises(InvalidInput, match="1 and 2 rows"):
        merge(once.rows(0), once)


@pytest.mark.parametrize(
    "wrong", [{"kind": "simhash"}, {"num_perm": 0}, {"seed": None}, {"kind": "superminhash", "num_perm": 4097}]
)
def test_params_that_cannot_run_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParams):
        SketchParams(**wrong)  # type: ignore[arg-type]


def test_signatures_of_another_length_are_no_sketches() -> None:
    with pytest.raises(InvalidInput, match="num_perm = 8"):
        Sketches(np.zeros((2, 9), dtype=np.uint32), SketchParams(num_perm=8))
