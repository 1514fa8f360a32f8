"""Fused signals: the paper's formula over the lists an engine gives, by any weights."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.store import Store
from foundation.errors import InvalidQuery, UnknownId
from serving.engine import Engine
from serving.related import DEPTH, OFFSET, chosen_weights, fused

SEEDS = ["n010", "n015"]


@pytest.fixture(scope="module")
def engine(small_store: Store) -> Engine:
    return Engine.open(small_store, "small")


hits = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(
    lists=st.lists(st.tuples(st.sampled_from(["similar", "ppr"]), st.sampled_from([0.5, 1.0, 2.0]), hits), max_size=5),
    seeds=st.sets(st.sampled_from("abcx"), max_size=2),
    k=st.integers(1, 10),
)
def test_scores_are_those_of_the_paper(lists: list[tuple[str, float, list[str]]], seeds: set[str], k: int) -> None:
    found = fused(
        [(signal, weight, [{"id": id, "score": 9.0} for id in ids]) for signal, weight, ids in lists], seeds, k
    )
    score: dict[str, float] = {}
    ranks: dict[str, dict[str, int]] = {}
    for signal, weight, ids in lists:
        kept = [id for id in ids if id not in seeds]
        for id in kept:
            rank = kept.index(id) + 1
            score[id] = score.get(id, 0.0) + weight / (OFFSET + rank)
            ranks.setdefault(id, {})
            ranks[id][signal] = min(rank, ranks[id].get(signal, 999))
    expected = sorted(score, key=lambda node: (-score[node], node))[:k]
    assert [hit["id"] for hit in found] == expected
    assert [hit["score"] for hit in found] == [score[id] for id in expected]
    assert [hit["ranks"] for hit in found] == [ranks[id] for id in expected]


def test_an_engine_fuses_the_lists_it_gives(engine: Engine) -> None:
    answer = engine.related(
        SEEDS, text="chess", k=20, weights={"similar": 2.0, "ppr": 1.0, "community": 1.0, "search": 3.0}
    )
    assert answer["signals"] == {"similar": 2.0, "ppr": 1.0, "community": 1.0, "search": 3.0}
    each = engine.similar(SEEDS, k=DEPTH)["results"]
    lists: list[tuple[str, float, list[Any]]] = [("similar", 1.0, hits) for hits in each]
    lists.append(("ppr", 1.0, engine.ppr([dict.fromkeys(SEEDS, 1.0)], k=DEPTH)["results"][0]))
    lists.append(("community", 1.0, engine.community(SEEDS, size=DEPTH)["results"][0]))
    lists.append(("search", 3.0, engine.search(["chess"], k=DEPTH)["results"][0]))
    assert answer["results"] == [fused(lists, SEEDS, 20)]
    (found,) = answer["results"]
    assert not {hit["id"] for hit in found} & set(SEEDS)
    assert all(hit["title"] and hit["topic"] for hit in found if hit["id"] != "virtual")


def test_by_default_all_signals_take_part_that_can(engine: Engine) -> None:
    assert engine.related(SEEDS)["signals"] == {"similar": 1.0, "ppr": 1.0, "community": 1.0}
    assert engine.related(SEEDS, text="chess")["signals"] == dict.fromkeys(
        ("similar", "ppr", "community", "search"), 1.0
    )


def test_one_signal_alone_keeps_its_order(engine: Engine) -> None:
    (found,) = engine.related(["n010"], k=10, weights={"similar": 1.0, "ppr": 0.0})["results"]
    assert [hit["id"] for hit in found] == [hit["id"] for hit in engine.similar(["n010"], k=10)["results"][0]]


@pytest.mark.parametrize(
    ("weights", "text", "what"),
    [
        ({"likeness": 1.0}, None, "no signal 'likeness'"),
        ({"ppr": -1.0}, None, "signal ppr has weight -1.0"),
        ({"ppr": float("nan")}, None, "signal ppr has weight nan"),
        ({"ppr": float("inf")}, None, "signal ppr has weight inf"),
        ({"ppr": True}, None, "signal ppr has weight True"),
        ({"search": 1.0}, None, "signal search without a text"),
        ({"ppr": 0.0}, None, "no signal takes part"),
        ({}, None, "no signal takes part"),
    ],
)
def test_weights_that_cannot_be_are_refused(
    engine: Engine, weights: dict[str, Any], text: str | None, what: str
) -> None:
    with pytest.raises(InvalidQuery) as found:
        engine.related(SEEDS, text=text, weights=weights)
    assert found.value.what == what


def test_a_signal_that_was_not_built_is_left_out_and_cannot_be_asked_for() -> None:
    assert chosen_weights(None, ("ppr",), with_text=True) == {"ppr": 1.0}
    with pytest.raises(InvalidQuery, match="signal similar that the index was not built for"):
        chosen_weights({"similar": 1.0}, ("ppr",), with_text=True)


def test_seeds_and_k_are_checked(engine: Engine) -> None:
    with pytest.raises(InvalidQuery, match="name at least one node"):
        engine.related([])
    with pytest.raises(UnknownId):
        engine.related(["nobody"])
    for k in (0, DEPTH + 1):
        with pytest.raises(InvalidQuery, match=f"ask for 1 to {DEPTH}"):
            engine.related(SEEDS, k=k)
