"""An index of words in a build: the bytes of the library for any partitions, and search by words, tokens and both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifacts.corpus import open_corpus
from artifacts.lexical import fused_weight, open_fusion, open_lexical
from artifacts.manifest import MANIFEST, sealed, unsealed
from artifacts.publish import artifact_path, read_release, version_name
from artifacts.store import Store
from flows.plan import plan
from flows.run import run_build
from flows.settings import read_config
from foundation.errors import ArtifactCorrupt, InvalidConfig, InvalidQuery, NotBuilt
from serving.engine import Engine
from serving.hybrid import DEPTH
from vectors.fusion import Fused, Fusion, FusionParams, fuse, fuse_scores
from vectors.lexical.index import LexicalIndex
from vectors.lexical.params import LexicalParams

WORDS = """
name = "words"
[corpus]
source = "docs.jsonl"
text = ["text"]
encoder = { kind = "static", dim = 32 }
[lexical]
stemmer = "english"
stop_words = ["the"]
weight = 2.0
"""
BOTH = """
[muvera]
num_repetitions = 4
k_sim = 2
d_proj = 8
n_heldout = 10
allow_missed = true
"""
VOCABULARY = (
    *("boat", "river", "water", "rain", "cloud", "storm", "piano", "violin"),
    *("music", "choir", "dance", "paint", "colour", "brush", "canvas", "the"),
)
N_DOCS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(3)
    made = tmp_path_factory.mktemp("words")
    texts = [" ".join(random.choice(VOCABULARY, random.integers(3, 12))) for _ in range(N_DOCS - 1)]
    lines = [json.dumps({"_id": f"d{row:03d}", "text": text}) for row, text in enumerate([*texts, "rivers of paint"])]
    (made / "docs.jsonl").write_text("\n".join(lines) + "\n")
    return made


def build(folder: Path, name: str, text: str, *overrides: str) -> Store:
    (folder / f"{name}.toml").write_text(text)
    store = Store.create(folder / name)
    run_build(read_config(folder / f"{name}.toml", overrides), store)
    return store


@pytest.fixture(scope="module")
def words_only(folder: Path) -> Store:
    return build(folder, "words", WORDS)


@pytest.fixture(scope="module")
def both(folder: Path) -> Store:
    return build(folder, "both", WORDS + BOTH)


@pytest.fixture(scope="module")
def by_ranks(folder: Path) -> Store:
    return build(folder, "by ranks", WORDS + BOTH, "lexical.fusion=ranks")


def path_of(store: Store, stage: str) -> Path:
    return artifact_path(store, read_release(store, "words"), stage)


def test_a_build_gives_the_bytes_of_the_library_for_any_partitions(folder: Path, words_only: Store) -> None:
    corpus = open_corpus(path_of(words_only, "corpus"))
    params = LexicalParams(stemmer="english", stop_words=("the",))
    wanted = LexicalIndex.build(corpus.texts(0, corpus.n_docs), params)
    made = open_lexical(path_of(words_only, "lexical"))
    assert made.params == params
    for name, array in wanted.arrays().items():
        assert np.array_equal(made.arrays()[name], array)
    other = build(folder, "other", WORDS, "runtime.part_docs=7", "runtime.workers=3")
    manifests = [(path_of(store, "lexical") / MANIFEST).read_bytes() for store in (words_only, other)]
    assert manifests[0] == manifests[1]


def test_an_index_of_words_alone_searches_by_words(words_only: Store) -> None:
    engine = Engine.open(words_only, "words")
    engine.warm()
    assert engine.questions == ("search",)
    hits = engine.search(["a river"], k=5)["results"][0]
    docs, scores = open_lexical(path_of(words_only, "lexical")).search(["a river"], 5)
    assert [hit["id"] for hit in hits] == [f"d{doc:03d}" for doc in docs[0]]
    assert [hit["score"] for hit in hits] == pytest.approx(scores[0].tolist())
    assert engine.search(["unheard"], k=5)["results"] == [[]]
    for ranking in ("tokens", "both"):
        with pytest.raises(InvalidQuery, match=f"ranking '{ranking}'; this index has words"):
            engine.search(["river"], ranking=ranking)
    with pytest.raises(InvalidQuery, match="vectors have no words"):
        engine.search(vectors=[np.ones((1, 64))])
    with pytest.raises(InvalidQuery, match="text 1 is empty"):
        engine.search(["river", " "])
    with pytest.raises(NotBuilt, match="powerwalk"):
        engine.ppr([{"a": 1.0}])


Ranked = list[tuple[int, float]]


def fused_by(fusion: Fusion, words: Ranked, tokens: Ranked, k: int) -> Fused:
    """What search should answer with a weight of 2, from both rankings alone."""
    lists = [np.array([[row for row, _ in one]], dtype=np.int64) for one in (words, tokens)]
    if fusion == "ranks":
        return fuse(lists, k, FusionParams(weights=(2.0, 1.0)))
    scores = [np.array([[score for _, score in one]]) for one in (words, tokens)]
    return fuse_scores(lists, scores, k, (2.0, 1.0), [None if len(words) == DEPTH else [0.0], None])


@pytest.mark.parametrize("fusion", ["scores", "ranks"])
def test_both_rankings_are_fused_as_configured(fusion: Fusion, request: pytest.FixtureRequest) -> None:
    store: Store = request.getfixturevalue("both" if fusion == "scores" else "by_ranks")
    assert open_fusion(path_of(store, "lexical")) == fusion
    engine = Engine.open(store, "words")
    engine.warm()
    texts = ["a boat on the river", "paint", "violin music", "dance dance", "unheard things"]
    ranked = {
        ranking: [
            [(int(hit["id"][1:]), hit["score"]) for hit in hits][:DEPTH]
            for hits in engine.search(texts, k=N_DOCS, ranking=ranking)["results"]
        ]
        for ranking in ("words", "tokens")
    }
    assert ranked["words"][4] == []  # tokens alone
    answer = engine.search(texts, k=10)
    assert answer == engine.search(texts, k=10, ranking="both")
    for query, hits in enumerate(answer["results"]):
        wanted = fused_by(fusion, ranked["words"][query], ranked["tokens"][query], 10)
        assert [int(hit["id"][1:]) for hit in hits] == wanted.rows[0].tolist()
        assert [hit["score"] for hit in hits] == pytest.approx(wanted.scores[0].tolist())
        alone = engine.search([texts[query]], k=10)["results"][0]
        assert alone == hits


def test_indexes_from_before_there_was_a_choice_fuse_by_ranks(both: Store, by_ranks: Store, tmp_path: Path) -> None:
    old = tmp_path / "lexical"
    shutil.copytree(path_of(both, "lexical"), old)
    body = unsealed(json.loads((old / MANIFEST).read_text()))
    assert body["params"].pop("fusion") == "scores"
    (old / MANIFEST).write_text(sealed(body))
    assert open_fusion(old) == "ranks"
    assert open_lexical(old).params == open_lexical(path_of(by_ranks, "lexical")).params
    body["params"]["fusion"] = "guesses"
    (old / MANIFEST).write_text(sealed(body))
    with pytest.raises(ArtifactCorrupt, match="fuses by 'guesses'"):
        open_fusion(old)


def test_fusion_makes_another_version_and_no_other_byte(both: Store, by_ranks: Store) -> None:
    one, other = read_release(both, "words"), read_release(by_ranks, "words")
    assert one.version != other.version
    assert {stage for stage in one.stages if one.stages[stage] != other.stages[stage]} == {"lexical"}
    for name, array in open_lexical(path_of(both, "lexical")).arrays().items():
        assert np.array_equal(array, open_lexical(path_of(by_ranks, "lexical")).arrays()[name])


@pytest.mark.parametrize("n_docs", [1, 2])
@pytest.mark.parametrize("fusion", ["scores", "ranks"])
def test_one_document_and_documents_that_are_alike(folder: Path, fusion: Fusion, n_docs: int) -> None:
    """All scores equal, lists of one, and lists that are empty."""
    lines = [json.dumps({"_id": f"d{row}", "text": "a boat on a river"}) for row in range(n_docs)]
    (folder / f"few{n_docs}.jsonl").write_text("\n".join(lines) + "\n")
    text = (WORDS + BOTH).replace("docs.jsonl", f"few{n_docs}.jsonl")
    engine = Engine.open(build(folder, f"few {n_docs} {fusion}", text, f"lexical.fusion={fusion}"), "words")
    best = 3.0 if fusion == "scores" else None
    for query, by_words in (("river", True), ("unheard of things", False)):
        hits = engine.search([query], k=n_docs)["results"][0]
        assert [hit["id"] for hit in hits] == [f"d{row}" for row in range(n_docs)]  # equal scores by row
        if best is not None:
            assert [hit["score"] for hit in hits] == [best if by_words else 1.0] * n_docs


@pytest.mark.parametrize(
    ("config", "weight"),
    [
        ({"corpus": {"source": "d.jsonl"}, "lexical": {}}, 3.0),
        ({"corpus": {"encoder": {"kind": "static"}}, "lexical": {}}, 3.0),
        ({"corpus": {"encoder": {"kind": "onnx"}}, "lexical": {"stemmer": "english"}}, 1.0),
        ({"corpus": {"encoder": {"kind": "precomputed"}}}, 1.0),
        ({"corpus": {}, "lexical": {"weight": 2}}, 2.0),
    ],
)
def test_a_weight_that_nobody_named_suits_the_encoder(config: dict[str, Any], weight: float) -> None:
    assert fused_weight(config, "ranks") == weight
    assert fused_weight(config, "scores") == config.get("lexical", {}).get("weight", 1.0)


def test_whatever_changes_answers_makes_another_version_and_only_words_are_indexed_again(folder: Path) -> None:
    def digests(name: str, *overrides: str) -> dict[str, str]:
        return {stage.name: stage.digest for stage in plan(read_config(folder / f"{name}.toml", overrides))}

    (folder / "weighed.toml").write_text(WORDS + BOTH)
    (folder / "alone.toml").write_text(WORDS)
    before = digests("weighed")
    for override in ("lexical.weight=3", "lexical.fusion=ranks"):
        after = digests("weighed", override)
        assert {stage for stage in before if before[stage] != after[stage]} == {"lexical"}
        assert version_name("words", after) != version_name("words", before)
    assert digests("weighed", "lexical.weight=2") == before
    # Words alone are fused with nothing.
    assert digests("alone", "lexical.weight=3") == digests("alone")


def test_an_index_that_is_built_with_a_weight_answers_by_it(folder: Path) -> None:
    tops = []
    for weight in (2, 5):
        engine = Engine.open(build(folder, f"weight{weight}", WORDS + BOTH, f"lexical.weight={weight}"), "words")
        tops.append(engine.search(["river"], k=1)["results"][0][0]["score"])
        assert engine.search(["river"], k=1, ranking="words")["results"][0]
    assert 2 < tops[0] <= 3
    assert 5 < tops[1] <= 6


def test_what_words_find_is_reranked_by_tokens_too(folder: Path) -> None:
    store = build(folder, "narrow", WORDS + BOTH + "n_candidates = 1\n", "lexical.fusion=ranks")
    engine = Engine.open(store, "words")
    by_tokens = engine.search(["river"], k=1, ranking="tokens")["results"][0]
    assert len(by_tokens) == 1  # one candidate by encodings alone
    words = {hit["id"] for hit in engine.search(["river"], k=20, ranking="words")["results"][0]}
    fused = engine.search(["river"], k=20)["results"][0]
    best = 2 / 61 + 1 / 61
    assert words <= {hit["id"] for hit in engine.search(["river"], k=N_DOCS)["results"][0]}
    assert fused[0]["score"] <= best
    assert sum(hit["score"] > 2 / 61 for hit in fused) > 1  # only a rank in both lists gives as much


def test_rankings_that_cannot_be_are_refused(folder: Path, both: Store) -> None:
    engine = Engine.open(both, "words")
    with pytest.raises(InvalidQuery, match="vectors have no words"):
        engine.search(vectors=[np.ones((1, 64))], ranking="both")
    assert len(engine.search(vectors=[np.ones((1, 64))], k=3)["results"][0]) == 3
    for key, value in (
        ("fusion", "guesses"),
        ("fusion", "1"),
        ("weight", "0"),
        ("weight", '"much"'),
        ("b", "2"),
        ("stop_words", '"the"'),
        ("nonsense", "1"),
    ):
        with pytest.raises(InvalidConfig, match=rf"lexical\.{key}"):
            read_config(folder / "both.toml", (f"lexical.{key}={value}",))
