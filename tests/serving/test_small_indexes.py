"""Questions that name no ``k``, of an index that has fewer nodes and documents than are usually asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from foundation.errors import InvalidQuery
from serving.engine import Engine

CONFIG = """
name = "tiny"

[graph]
source = "edges.tsv"

[corpus]
source = "docs.jsonl"
text = ["text"]
encoder = { kind = "static", dim = 16 }

[fastrp]
dim = 8

[powerwalk]

[communities]
num_perm = 16

[labels]

[muvera]
num_repetitions = 2
k_sim = 2
d_proj = 4

[lexical]

[ann.nodes]
kind = "flat"
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Four nodes in a row; two documents."""
    sources = tmp_path_factory.mktemp("tiny")
    (sources / "edges.tsv").write_text("a\tb\nb\tc\nc\td\n")
    (sources / "docs.jsonl").write_text('{"id": "a", "text": "red fox"}\n{"id": "b", "text": "blue whale"}\n')
    config = sources / "tiny.toml"
    config.write_text(CONFIG)
    store = Store.create(sources / "store")
    run_build(read_config(config), store)
    return Engine.open(store, "tiny")


ASKED = {
    "similar": lambda tiny, **k: tiny.similar(["a"], **k)["results"][0],
    "vectors": lambda tiny, **k: tiny.similar(vectors=[[1.0] * 8], **k)["results"][0],
    "near": lambda tiny, **k: tiny.similar(["a"], near={"b": 1.0}, **k)["results"][0],
    "ppr": lambda tiny, **k: tiny.ppr([{"a": 1.0}], **k)["results"][0],
    "exact": lambda tiny, **k: tiny.ppr([{"a": 1.0}], exact=True, **k)["results"][0],
    "neighbourhood": lambda tiny, **k: tiny.neighbourhood({"a": 1.0}, **k)["results"][0],
    "members": lambda tiny, **k: tiny.members(tiny.labels(["a"])["results"][0][0]["label"], **k)["results"][0],
    "search": lambda tiny, **k: tiny.search(["red fox"], **k)["results"][0],
}
MOST = {"similar": 3, "near": 3, "vectors": 4, "ppr": 4, "exact": 4, "neighbourhood": 4, "members": 4, "search": 2}


@pytest.mark.parametrize("question", ASKED)
def test_a_question_that_says_no_k_is_answered_with_what_there_is(tiny: Engine, question: str) -> None:
    ask: Callable[..., list[dict[str, object]]] = ASKED[question]
    found = ask(tiny)
    assert 1 <= len(found) <= MOST[question]
    assert ask(tiny, k=50) == found


@pytest.mark.parametrize("question", sorted(set(ASKED) - {"neighbourhood"}))
def test_more_than_is_usual_is_refused_where_there_is_less(tiny: Engine, question: str) -> None:
    with pytest.raises(InvalidQuery, match=r"k = 51; ask for 1 to ([234]): there are \1 "):
        ASKED[question](tiny, k=51)


def test_what_needs_seeds_is_answered_with_what_there_is(tiny: Engine) -> None:
    assert {hit["id"] for hit in tiny.community(["a"])["results"][0]} == {"a", "b", "c", "d"}
    assert tiny.related(["a"])["results"][0]
    assert tiny.explain("a", "d")["paths"]
