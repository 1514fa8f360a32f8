"""The adapter, driven as the harness drives it."""

from __future__ import annotations

import numpy as np
import pytest

from purlieu.ann_benchmarks import Purlieu
from vectors.ann.exact import exact_top_k


@pytest.mark.parametrize(("name", "metric"), [("euclidean", "l2"), ("angular", "cosine")])
def test_a_run_as_the_harness_makes_it_finds_the_neighbours(name: str, metric: str) -> None:
    draw = np.random.default_rng(0)
    train, test = draw.standard_normal((900, 12)).astype(np.float32), draw.standard_normal((30, 12)).astype(np.float32)
    true = exact_top_k(train, test, 10, metric=metric)[0]  # type: ignore[arg-type]
    algorithm = Purlieu(name, {"kind": "ivf", "recall": 0.9})
    algorithm.fit(train)
    for arguments in ([], [900, 90]):
        algorithm.set_query_arguments(*arguments)
        one_by_one = [algorithm.query(vector, 10) for vector in test]
        algorithm.batch_query(test, 10)
        assert [rows.tolist() for rows in algorithm.get_batch_results()] == [rows.tolist() for rows in one_by_one]
        found = np.mean([np.isin(rows, wanted).mean() for rows, wanted in zip(one_by_one, true, strict=True)])
        assert found >= (1.0 if arguments else 0.8)
    assert str(algorithm) == "purlieu(kind=ivf, recall=0.9) @ n_probe=900, k_factor=90"
    assert algorithm.get_additional()["kind"] == "ivf"
    assert algorithm.get_memory_usage() > 1000
    algorithm.done()
    assert algorithm.get_batch_results() == []


def test_a_metric_we_do_not_have_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="hamming"):
        Purlieu("hamming", {})


def test_fewer_rows_than_asked_for_are_not_padded() -> None:
    algorithm = Purlieu("euclidean", {"kind": "flat"})
    algorithm.fit(np.eye(3, dtype=np.float32))
    assert sorted(algorithm.query(np.zeros(3, dtype=np.float32), 10).tolist()) == [0, 1, 2]
