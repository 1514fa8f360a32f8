"""Builds after an edit: equal, byte for byte, to a build from nothing, and told which rows were kept and why."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.manifest import MANIFEST
from artifacts.multivector import open_multivectors
from artifacts.publish import current_version, damage, read_release
from artifacts.store import Store
from flows.marks import SETTLED_NS
from flows.run import BuildReport, run_build
from flows.settings import read_config
from flows.stages.runner import StageReport
from foundation.errors import InvalidInput, StoreUnavailable
from tests.static_model import write_static_model
from vectors.ann.params import ANNParams, shard_ranges

N_DOCS = 90
WORDS = "video convert music sound compiler library network server chess board the of".split()  # noqa: SIM905
CONFIG = """
name = "nightly"
[graph]
source = "edges.tsv"
[corpus]
source = "docs.jsonl"
fields = ["topic"]
encoder = { kind = "static", path = "MODEL", dim = 8, min_norm = 0.5, max_tokens = 5 }
[fastrp]
dim = 32
[communities]
num_perm = 16
[muvera]
num_repetitions = 3
k_sim = 2
d_proj = 4
n_heldout = 5
recall = 0.1
[ann.nodes]
kind = "hnsw"
recall = 0.1
shard_rows = 32
[ann.documents]
kind = "flat"
metric = "inner_product"
shard_rows = 32
[runtime]
workers = 1
part_nodes = 40
part_docs = 25
"""
Docs = list[dict[str, Any]]
Edges = list[tuple[str, str]]


def first_docs() -> Docs:
    def text(doc: int) -> str:
        return " ".join(WORDS[(doc * step + step) % len(WORDS)] for step in range(1, 2 + doc % 6))

    docs = [
        {"_id": f"d{doc:03d}", "title": f"title {doc}", "text": text(doc), "topic": WORDS[doc % 3]}
        for doc in range(N_DOCS)
    ]
    docs[7] |= {"title": "", "text": ""}
    docs[50] |= {"title": docs[11]["title"], "text": docs[11]["text"]}
    return docs


def first_edges() -> Edges:
    return [(f"d{node:03d}", f"d{(node * step + 1) % N_DOCS:03d}") for node in range(N_DOCS) for step in (2, 5)]


def write_sources(directory: Path, docs: Docs, edges: Edges) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    (directory / "edges.tsv").write_text("".join(f"{src}\t{dst}\n" for src, dst in edges))
    return directory / "nightly.toml"


def contents(store: Store) -> dict[str, str]:
    """Every manifest of the served version: it holds the checksum of every file."""
    release = read_release(store, "nightly")
    assert damage(store, release)[1] == []
    return {stage: (store.objects / name / MANIFEST).read_text() for stage, name in release.stages.items()}


def build(config: Path, root: Path, *overrides: str, **options: Any) -> tuple[Store, BuildReport]:
    store = Store.create(root)
    return store, run_build(read_config(config, overrides), store, **options)


def by_name(report: BuildReport) -> dict[str, StageReport]:
    return {stage.name: stage for stage in report.stages}


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources, and in ``store`` the first night's build of them."""
    home = tmp_path_factory.mktemp("evening")
    model = write_static_model(home / "model", WORDS, dim=12, faint="the", zero="of")
    (home / "nightly.toml").write_text(CONFIG.replace("MODEL", str(model)))
    build(write_sources(home, first_docs(), first_edges()), home / "store")
    return home


@pytest.fixture
def night(evening: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    shutil.copytree(evening, tmp_path / "night")
    return tmp_path / "night"


def append(docs: Docs, place: int) -> None:
    docs.append({"_id": f"e{place:03d}", "title": "late", "text": "chess server", "topic": "new"})


def insert(docs: Docs, place: int) -> None:
    docs.insert(place % len(docs), {"_id": f"d{place % 90:03d}b", "title": "between", "text": "sound of video"})


def delete(docs: Docs, place: int) -> None:
    del docs[place % len(docs)]


def rewrite(docs: Docs, place: int) -> None:
    docs[place % len(docs)] |= {"text": "music library"}


def stutter(docs: Docs, place: int) -> None:
    """Other text, the same tokens: repeats are left out."""
    doc = docs[place % len(docs)]
    doc["text"] = f"{doc['text']} {doc['text']}"


def relabel(docs: Docs, place: int) -> None:
    docs[place % len(docs)] |= {"topic": "other"}


def empty(docs: Docs, place: int) -> None:
    docs[place % len(docs)] |= {"title": "", "text": ""}


def repeat(docs: Docs, place: int) -> None:
    docs[place % len(docs)] |= {"title": docs[0]["title"], "text": docs[0]["text"]}


def rename(docs: Docs, place: int) -> None:
    docs[place % len(docs)] |= {"_id": f"r{place:03d}"}


def reverse(docs: Docs, place: int) -> None:
    docs.reverse()


def change_all(docs: Docs, place: int) -> None:
    for doc in docs:
        doc["text"] = f"{doc['text']} all"


EDITS = (append, insert, delete, rewrite, stutter, relabel, empty, repeat, rename, reverse, change_all)


def text_of(doc: Mapping[str, Any]) -> str:
    return " ".join(part for part in (doc["title"], doc["text"]) if part)


def tokens_of(store: Store, docs: Docs) -> dict[str, bytes]:
    """Each document's token vectors by its id."""
    vectors = open_multivectors(store.objects / read_release(store, "nightly").stages["tokens"])
    return {id: vectors.doc(row).tobytes() for row, id in enumerate(sorted(doc["_id"] for doc in docs))}


def shards_kept(old: list[bytes], new: list[bytes]) -> int:
    """Rows of shards in which nothing differs."""
    params = ANNParams(shard_rows=32)
    before = shard_ranges(len(old), params)
    return sum(
        stop - start
        for start, stop in shard_ranges(len(new), params)
        if (start, stop) in before and old[start:stop] == new[start:stop]
    )


def vectors_of(store: Store, stage: str, array: str) -> list[bytes]:
    import numpy as np

    rows = np.load(store.objects / read_release(store, "nightly").stages[stage] / f"{array}.npy")
    return [row.tobytes() for row in rows]


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 999)), min_size=1, max_size=4),
    edges=st.sampled_from(["same", "same", "more", "fewer"]),
    part_docs=st.sampled_from([7, 25, 1000]),
)
def test_a_night_after_any_edit_gives_the_bytes_of_a_build_from_nothing(
    evening: Path,
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[Callable[[Docs, int], None], int]],
    edges: str,
    part_docs: int,
) -> None:
    home = tmp_path_factory.mktemp("edited")
    shutil.copytree(evening / "store", home / "store")
    docs, links = first_docs(), first_edges()
    for edit, place in edits:
        edit(docs, place)
    if len({doc["_id"] for doc in docs}) < len(docs):
        docs = list({doc["_id"]: doc for doc in docs}.values())
    links = {"same": links, "more": [*links, ("d003", "d077")], "fewer": links[:-1]}[edges]
    config = write_sources(home / "sources", docs, links)
    shutil.copy(evening / "nightly.toml", config)
    old = Store.open(evening / "store")
    store, report = build(config, home / "store", f"runtime.part_docs={part_docs}", "runtime.workers=2")
    fresh, anew = build(config, home / "fresh")
    assert contents(store) == contents(fresh)
    assert all(stage.n_rows_reused == 0 for stage in anew.stages)

    stages = by_name(report)
    before = {doc["_id"]: text_of(doc) for doc in first_docs()}
    if not stages["tokens"].cached:
        assert stages["tokens"].n_rows == len(docs)
        assert stages["tokens"].n_rows_reused == sum(before.get(doc["_id"]) == text_of(doc) for doc in docs)
    if not stages["muvera"].cached:
        then, now = tokens_of(old, first_docs()), tokens_of(store, docs)
        assert stages["muvera"].n_rows_reused == sum(then.get(id) == vectors for id, vectors in now.items())
    for name, source, array in (("ann.documents", "muvera", "fde"), ("ann.nodes", "fastrp", "embedding")):
        if not stages[name].cached:
            kept = shards_kept(vectors_of(old, source, array), vectors_of(store, source, array))
            assert stages[name].n_rows_reused == kept
    for stage in report.stages:
        assert stage.why.startswith("refreshed: " if stage.n_rows_reused else "cached" if stage.cached else "rebuilt: ")
    shutil.rmtree(home)


def test_nothing_but_documents_that_changed_is_encoded(night: Path) -> None:
    docs = first_docs()
    rewrite(docs, N_DOCS - 1)
    _, report = build(write_sources(night, docs, first_edges()), night / "store")
    stages = by_name(report)
    assert {name for name, stage in stages.items() if stage.cached} == {
        "graph",
        "graph.undirected",
        "fastrp",
        "ann.nodes",
        "minhash",
        "lsh",
    }
    assert stages["tokens"].why == "refreshed: 89 of 90 rows kept; its input corpus changed"
    assert (stages["ann.documents"].n_rows_reused, stages["ann.documents"].n_rows) == (64, 90)
    assert stages["corpus"].why.startswith("rebuilt: its source documents changed (")
    assert stages["link"].why == "rebuilt: its input corpus changed"


def test_the_report_names_what_changed_in_a_source(night: Path) -> None:
    size = (night / "edges.tsv").stat().st_size
    with (night / "edges.tsv").open("a") as file:
        file.write("d001\td002\n")
    _, report = build(night / "nightly.toml", night / "store")
    documents, edges = sorted(report.to_json()["sources"], key=lambda source: str(source["source"]))
    assert documents["stage"] == "corpus"
    assert "before" not in documents
    assert (edges["before"]["size"], edges["size"]) == (size, size + 10)
    assert by_name(report)["graph"].why.startswith(f"rebuilt: its source edges changed ({size:,} bytes, sha256 ")


@pytest.mark.parametrize(
    ("overrides", "stage", "why"),
    [
        (("communities.num_perm=32",), "minhash", "rebuilt: parameter num_perm 16 -> 32"),
        (
            ("corpus.encoder.dim=9",),
            "tokens",
            "rebuilt: parameter encoder.dim 8 -> 9; parameter identity.dim 8 -> 9",
        ),
        (("corpus.encoder.dim=9",), "muvera", "rebuilt: its input tokens changed"),
        (("muvera.k_sim=1",), "muvera", "rebuilt: parameter k_sim 2 -> 1"),
        (("powerwalk.n_walks=3",), "powerwalk", "never built"),
        (("fastrp.dim=32",), "fastrp", "cached"),
    ],
    ids=str,
)
def test_a_changed_parameter_is_named(night: Path, overrides: tuple[str, ...], stage: str, why: str) -> None:
    _, report = build(night / "nightly.toml", night / "store", *overrides)
    assert by_name(report)[stage].why == why
    assert by_name(report)[stage].n_rows_reused == 0


def test_raised_code_is_named_and_nothing_made_by_older_code_is_kept(
    night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from flows.stages import muvera

    monkeypatch.setattr(muvera, "STAGE", dataclasses.replace(muvera.STAGE, code_version=99))
    _, report = build(night / "nightly.toml", night / "store")
    stages = by_name(report)
    assert (stages["muvera"].why, stages["muvera"].n_rows_reused) == ("rebuilt: code changed", 0)
    assert stages["ann.documents"].n_rows_reused == N_DOCS


def test_a_shard_of_another_form_is_not_kept(night: Path, tmp_path: Path) -> None:
    """One document more, and vectors no longer fit the memory as float32: all shards become float16."""
    memory = f"ann.documents.memory={(N_DOCS * (3 * 4 * 4 * 4 + 8))}"
    build(night / "nightly.toml", night / "store", memory)
    docs = first_docs()
    append(docs, 0)
    config = write_sources(night, docs, first_edges())
    store, report = build(config, night / "store", memory)
    assert by_name(report)["muvera"].n_rows_reused == N_DOCS
    assert by_name(report)["ann.documents"].n_rows_reused == 0
    assert by_name(report)["ann.documents"].why == "rebuilt: its input muvera changed"
    assert contents(store) == contents(build(config, tmp_path / "fresh", memory)[0])


def test_vectors_of_the_users_own_are_read_again_whatever_the_text(night: Path, tmp_path: Path) -> None:
    own = ("corpus.vectors=vectors", "corpus.encoder={ kind = 'precomputed' }")
    docs = [doc | {"vectors": [[row % 7, 1.0, 0.5], [1.0, row % 5, 2.0]]} for row, doc in enumerate(first_docs())]
    build(write_sources(night, docs, first_edges()), night / "store", *own)
    docs[3] = docs[3] | {"vectors": [[9.0, 9.0, 9.0]]}
    config = write_sources(night, docs, first_edges())
    store, report = build(config, night / "store", *own)
    assert by_name(report)["tokens"].n_rows_reused == 0
    assert by_name(report)["muvera"].n_rows_reused == N_DOCS - 1
    assert contents(store) == contents(build(config, tmp_path / "fresh", *own)[0])


def test_force_keeps_nothing(night: Path) -> None:
    before = contents(Store.open(night / "store"))
    store, report = build(night / "nightly.toml", night / "store", force=["muvera"])
    stages = by_name(report)
    assert (stages["muvera"].why, stages["muvera"].n_rows_reused) == ("rebuilt: --force", 0)
    assert contents(store) == before


@pytest.mark.parametrize(
    ("stage", "file"), [("tokens", "codes.npy"), ("corpus", "text_blob.npy"), ("tokens", "left_out.npy")]
)
def test_nothing_is_taken_from_a_damaged_artifact(night: Path, tmp_path: Path, stage: str, file: str) -> None:
    store = Store.open(night / "store")
    victim = store.objects / read_release(store, "nightly").stages[stage] / file
    raw = bytearray(victim.read_bytes())
    raw[-1] ^= 1
    victim.write_bytes(raw)
    docs = first_docs()
    append(docs, 0)
    config = write_sources(night, docs, first_edges())
    _, report = build(config, night / "store")
    assert by_name(report)["tokens"].n_rows_reused == 0
    assert contents(store) == contents(build(config, tmp_path / "fresh")[0])


def test_a_lost_artifact_is_made_again_and_said_to_be_missing(night: Path) -> None:
    store = Store.open(night / "store")
    before = contents(store)
    shutil.rmtree(store.objects / read_release(store, "nightly").stages["tokens"])
    _, report = build(night / "nightly.toml", night / "store")
    assert by_name(report)["tokens"].why == "rebuilt: its artifact is missing or damaged"
    assert contents(store) == before


@pytest.mark.parametrize(("source", "stage"), [("edges.tsv", "graph"), ("docs.jsonl", "corpus")])
def test_a_source_replaced_during_the_build_is_refused_and_nothing_is_published(
    night: Path, tmp_path: Path, source: str, stage: str
) -> None:
    store = Store.open(night / "store")
    before, version = set(store.objects.iterdir()), current_version(store, "nightly")
    line = "d001\td005\n" if source == "edges.tsv" else '{"_id": "x1", "title": "x", "text": "chess"}\n'
    with (night / source).open("a") as file:
        file.write(line)

    def replaced(name: str, make: Callable[[], StageReport]) -> StageReport:
        if name == stage:
            other = night / "other"
            other.write_text((night / source).read_text() + line.replace("1", "2", 1))
            other.replace(night / source)
        return make()

    with pytest.raises(InvalidInput, match=rf"{source}: changed while it was read; run again"):
        build(night / "nightly.toml", night / "store", around=replaced)
    assert current_version(store, "nightly") == version
    assert set(store.objects.iterdir()) == before
    build(night / "nightly.toml", night / "store")
    assert contents(store) == contents(build(night / "nightly.toml", tmp_path / "fresh")[0])


def test_an_encoder_replaced_during_the_build_is_refused(night: Path) -> None:
    model = night / "model"
    config = night / "nightly.toml"
    config.write_text(CONFIG.replace("MODEL", str(model)))

    def replaced(name: str, make: Callable[[], StageReport]) -> StageReport:
        if name == "tokens":
            with (model / "tokenizer.json").open("a") as file:
                file.write("\n")
        return make()

    store = Store.open(night / "store")
    before = contents(store)
    with pytest.raises(InvalidInput, match=r"tokenizer\.json: changed while it was read"):
        build(config, night / "store", around=replaced)
    assert contents(store) == before
    assert not list((store.root / "work").glob("*/parts"))


def test_an_interrupted_night_is_continued_after_the_served_version_changed(night: Path, tmp_path: Path) -> None:
    docs = first_docs()
    rewrite(docs, 3)
    config = write_sources(night, docs, first_edges())

    def stopped(name: str, make: Callable[[], StageReport]) -> StageReport:
        if name == "ann.documents":
            raise StoreUnavailable(path="store", what="gone", fix="wait")
        return make()

    with pytest.raises(StoreUnavailable):
        build(config, night / "store", around=stopped)
    rewrite(docs, 40)
    write_sources(night, docs, first_edges())
    build(config, night / "store")
    docs = first_docs()
    rewrite(docs, 3)
    store, _ = build(write_sources(night, docs, first_edges()), night / "store")
    assert contents(store) == contents(build(config, tmp_path / "fresh")[0])


def purlieu(*words: str) -> Iterator[str]:
    command = [sys.executable, "-P", "-m", "purlieu.main", "build", "--no-prefect", *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return iter(run.stdout.splitlines())


def test_the_command_says_what_was_kept_and_why(night: Path) -> None:
    docs = first_docs()
    rewrite(docs, 3)
    config = str(write_sources(night, docs, first_edges()))
    (planned,) = purlieu(config, "--store", str(night / "store"), "--dry-run", "--json")
    why = {stage["name"]: stage["why"] for stage in json.loads(planned)["stages"]}
    assert (why["graph"], why["tokens"]) == ("cached", "rebuilt: its input corpus changed")
    table = "\n".join(purlieu(config, "--store", str(night / "store")))
    assert "refreshed: 89 of 90 rows kept" in table
    (document,) = purlieu(config, "--store", str(night / "store"), "--json")
    assert {stage["why"] for stage in json.loads(document)["stages"]} == {"cached"}
    assert json.loads(document)["unchanged"]


WATCHED = """
import json, sys
opened = []
sys.addaudithook(lambda event, words: opened.append(str(words[0])) if event == "open" else None)
from purlieu.main import main
code = main(sys.argv[1:])
heavy = {"dask", "distributed", "faiss", "tokenizers", "safetensors", "prefect", "onnxruntime"} & set(sys.modules)
print(json.dumps({"code": code, "heavy": sorted(heavy), "opened": opened}))
"""


def test_a_night_with_nothing_to_do_opens_no_source_no_encoder_and_no_array(night: Path) -> None:
    config, store = night / "nightly.toml", night / "store"
    config.write_text(CONFIG.replace("MODEL", str(night / "model")))
    time.sleep(SETTLED_NS / 1e9)  # files that were just written are not known by their looks
    build(config, store)
    words = ["build", str(config), "--store", str(store), "--no-prefect", "--json"]
    run = subprocess.run([sys.executable, "-P", "-c", WATCHED, *words], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    document, watched = (json.loads(line) for line in run.stdout.splitlines())
    assert document["unchanged"]
    assert (watched["code"], watched["heavy"]) == (0, [])
    sources = {night / "docs.jsonl", night / "edges.tsv", *(night / "model").iterdir()}
    opened = {Path(path) for path in watched["opened"]}
    assert not opened & sources
    inside = {path.name for path in opened if store / "objects" in path.parents}
    assert inside == {MANIFEST}
