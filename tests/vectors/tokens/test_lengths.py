"""Vectors whose length is not 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from foundation.errors import InvalidInput, InvalidParams
from tests.vectors.strategies import random_sets
from vectors.tokens.lengths import with_lengths
from vectors.tokens.multivector import MultiVectors

MIXED = MultiVectors.from_list([[[1.0, 0.0]], [], [[3.0, 4.0], [0.0, 0.0]]])


def test_lengths_are_counted_and_kept_as_weights() -> None:
    kept, n_off = with_lengths(MIXED)
    assert kept is MIXED
    assert n_off == 2


def test_lengths_are_scaled_to_one_if_asked_for_and_zeros_stay() -> None:
    scaled, n_off = with_lengths(MIXED, "normalize")
    assert n_off == 2
    np.testing.assert_allclose(scaled.vectors, [[1.0, 0.0], [0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
    assert MIXED.vectors[1].tolist() == [3.0, 4.0]


def test_coded_tokens_are_counted_as_often_as_they_occur() -> None:
    coded = MultiVectors(
        vectors=np.array([[1.0, 0.0], [0.0, 2.0]], np.float32),
        offsets=np.array([0, 3]),
        codes=np.array([1, 0, 1], np.int32),
    )
    scaled, n_off = with_lengths(coded, "normalize")
    assert n_off == 2
    assert scaled.doc(0).tolist() == [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    with pytest.raises(InvalidInput, match=r"2 vectors .* the first is 2 long, in document 0"):
        with_lengths(coded, "refuse")


def test_lengths_are_refused_if_asked_for_naming_the_first() -> None:
    with pytest.raises(InvalidInput, match=r"2 vectors .* the first is 5 long, in document 2"):
        with_lengths(MIXED, "refuse")
    unit = random_sets(0, [3, 0, 4], 8)
    assert with_lengths(unit, "refuse") == (unit, 0)


def test_what_is_no_number_or_no_option_is_refused() -> None:
    bad = MultiVectors(vectors=np.array([[np.nan]], np.float32), offsets=np.array([0, 1]))
    with pytest.raises(InvalidInput, match="NaN"):
        with_lengths(bad)
    unknown: Any = "scale"
    with pytest.raises(InvalidParams, match="unnormalised"):
        with_lengths(MIXED, unknown)
