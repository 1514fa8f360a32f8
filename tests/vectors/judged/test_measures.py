"""Measures of a run, by query."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, dcg_score

from foundation.errors import InvalidInput, InvalidParams
from vectors.judged.measures import measure
from vectors.judged.runs import Scored

DOCS = [f"d{number}" for number in range(8)]
GRADES = st.dictionaries(st.sampled_from(DOCS), st.integers(-1, 3), min_size=1, max_size=8)


def ranked(docs: list[str]) -> list[Scored]:
    return [Scored(doc, 0.0) for doc in docs]  # all equal: only the order counts


@settings(deadline=None, max_examples=100)
@given(grades=GRADES, order=st.permutations(DOCS), k=st.integers(1, 9))
def test_agrees_with_scikit_learn_and_with_counting(grades: dict[str, int], order: list[str], k: int) -> None:
    gains = np.array([max(grades.get(doc, 0), 0) for doc in order], dtype=np.float64)
    if not gains.any():
        with pytest.raises(InvalidInput, match="no query has a relevant document"):
            measure({"q": grades}, {"q": ranked(order)})
        return
    found = measure({"q": grades}, {"q": ranked(order)}, (f"nDCG@{k}", f"R@{k}", f"RR@{k}", "AP", f"P@{k}"))
    places = -np.arange(len(order), dtype=np.float64)[None]
    best = np.sort(gains)[::-1][None]
    ndcg = dcg_score(gains[None], places, k=k, ignore_ties=True) / dcg_score(best, places, k=k, ignore_ties=True)
    assert found.mean(f"nDCG@{k}") == pytest.approx(ndcg, abs=1e-6)
    relevant = gains > 0
    assert found.mean(f"R@{k}") == pytest.approx(relevant[:k].sum() / relevant.sum())
    assert found.mean(f"P@{k}") == pytest.approx(relevant[:k].sum() / k)
    first = int(np.argmax(relevant))
    assert found.mean(f"RR@{k}") == pytest.approx(1 / (first + 1) if first < k else 0.0)
    assert found.mean("AP") == pytest.approx(average_precision_score(relevant, places[0]))


def test_the_order_of_the_run_counts_and_not_its_ids() -> None:
    qrels = {"q": {"a": 1}}
    assert measure(qrels, {"q": ranked(["a", "z"])}, ("RR@10",)).mean("RR@10") == 1.0
    assert measure(qrels, {"q": ranked(["z", "a"])}, ("RR@10",)).mean("RR@10") == 0.5


def test_every_judged_query_with_an_answer_to_find_counts() -> None:
    qrels = {"found": {"a": 1}, "missed": {"a": 1}, "empty": {"a": 2}, "hopeless": {"a": 0, "b": -1}}
    run = {"unjudged": ranked(["a"]), "hopeless": ranked(["a"]), "found": ranked(["a"]), "empty": []}
    found = measure(qrels, run, ("nDCG@10", "AP"))
    assert found.queries == ("found", "missed", "empty")
    assert found.values["nDCG@10"].tolist() == found.values["AP"].tolist() == [1.0, 0.0, 0.0]
    assert (found.n_unanswerable, found.n_unanswered, found.n_unjudged) == (1, 2, 1)


def test_the_share_of_judged_answers_is_a_measure() -> None:
    found = measure({"q": {"a": 1, "b": 0}}, {"q": ranked(["a", "b", "c", "d"])}, ("Judged@4",))
    assert found.mean("Judged@4") == 0.5


def test_a_run_of_other_queries_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none of the 1 judged queries"):
        measure({"q": {"a": 1}}, {"other": ranked(["a"])})


@pytest.mark.parametrize("name", ["", "ndcg@10", "nDCG@", "nDCG@x", "ERR@10", "foo", "__import__('os')", "R@10 AP"])
def test_a_name_that_is_no_measure_is_refused(name: str) -> None:
    with pytest.raises(InvalidParams):
        measure({"q": {"a": 1}}, {"q": ranked(["a"])}, (name,))
