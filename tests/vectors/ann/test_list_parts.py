"""Lists built in parts have the bytes of lists built at once, however the rows were cut."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from foundation.errors import InvalidInput
from foundation.threads import even_ranges
from tests.vectors.ann.test_index import mixture
from vectors.ann.build import build_shards
from vectors.ann.forms import LISTED, Kind
from vectors.ann.list_parts import joined, learned_arrays, placed_arrays
from vectors.ann.params import ANNParams
from vectors.metrics import Metric

Float32s = npt.NDArray[np.float32]


def vectors(whole: bool) -> Float32s:
    """2,000 rows with equal ones and zeros among them, of which some parts hold nothing new."""
    rows = mixture(2000, 24, 7)
    rows[300:420] = rows[5]
    rows[700] = 0.0
    return np.round(np.clip(20 * rows + 100, 0, 255)).astype(np.float32) if whole else rows


@pytest.mark.parametrize("kind", LISTED)
@pytest.mark.parametrize(("metric", "projection", "whole"), [("l2", 8, True), ("cosine", None, False)])
@pytest.mark.parametrize("size", [100, 777, 5000])
def test_bytes_do_not_depend_on_how_rows_are_cut(
    kind: Kind, metric: Metric, projection: int | None, whole: bool, size: int
) -> None:
    rows = vectors(whole)
    params = ANNParams(metric=metric, kind=kind, projection=projection, storage="float16", n_lists=16)
    learned = learned_arrays(rows, params)
    parts = [placed_arrays(rows, learned, params, start, stop) for start, stop in even_ranges(len(rows), size)]
    built = joined(rows, learned, parts, params)
    (at_once,) = build_shards(rows, params)
    assert built.index.tobytes() == at_once.index.tobytes()
    assert built.copies.tolist() == at_once.copies.tolist()


@pytest.mark.parametrize("kind", LISTED)
def test_no_rows_are_lists_of_nothing(kind: Kind) -> None:
    rows, params = np.zeros((0, 24), np.float32), ANNParams(metric="l2", kind=kind)
    learned = learned_arrays(rows, params)
    built = joined(rows, learned, [placed_arrays(rows, learned, params, 0, 0)], params)
    assert built.index.tobytes() == build_shards(rows, params)[0].index.tobytes()


def test_rows_that_cannot_be_kept_are_refused_before_anything_is_placed() -> None:
    rows, params = vectors(False), ANNParams(metric="l2", kind="ivf", storage="float16")
    rows[7, 3] = 1e5
    with pytest.raises(InvalidInput, match="row 7"):
        learned_arrays(rows, params)
    rows[7, 3] = np.nan
    with pytest.raises(InvalidInput, match="row 7"):
        learned_arrays(rows, dataclasses.replace(params, storage="float32"))
