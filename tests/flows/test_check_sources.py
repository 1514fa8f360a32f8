"""What a configuration and the beginnings of sources tell is refused before any stage runs, by build and --dry-run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from artifacts.store import Store
from flows.estimate import estimate_build
from flows.plan import plan
from flows.run import run_build
from flows.settings import Config, read_config
from foundation.errors import EngineError, InvalidConfig, InvalidInput, InvalidParams
from vectors.corpus import beginning

GRAPH = 'name = "g"\n[graph]\nsource = "e.tsv"\n'
CORPUS = '[corpus]\nsource = "d.jsonl"\n'
ENCODED = '[corpus]\nsource = "d.jsonl"\nencoder = { kind = "static", dim = 16, pooled_weight = 0.0 }\n[muvera]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "e.tsv").write_text("a\tb\nb\tc\n")
    pl.DataFrame({"src": ["a", "b"], "dst": ["b", "c"]}).write_parquet(tmp_path / "e.parquet")
    (tmp_path / "e.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 2 1.0\n")
    documents = [{"_id": id, "text": f"words of {id}", "year": 2000} for id in "abcd"]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(one) + "\n" for one in documents))
    pl.DataFrame(documents).write_parquet(tmp_path / "d.parquet")
    (tmp_path / "f.csv").write_text("id,x\na,1\nb,2\nc,3\n")
    np.save(tmp_path / "f.npy", np.ones((3, 2)))
    return tmp_path


def config_of(folder: Path, text: str, *overrides: str) -> Config:
    (folder / "g.toml").write_text(text)
    return read_config(folder / "g.toml", overrides)


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        (CORPUS + '[lexical]\nstemmer = "klingon"\n', "lexical.stemmer", "one of arabic, .*english, .*, or None"),
        (CORPUS + 'encoder = { kind = "precomputed" }\n[muvera]\n', "corpus.encoder.path", "corpus.vectors"),
        (CORPUS + "[muvera]\nd_proj = 9999\n", r"muvera.num_repetitions \* 2\*\*k_sim \* d_proj", "at most 1,048,576"),
        (CORPUS + "[muvera]\nd_final = 2000000\n", "muvera.d_final: 2000000", "at most 1,048,576"),
        ('[graph]\nsource = "e.parquet"\nheader = true\n', "graph.header: True", "none for a Parquet file"),
        ('[graph]\nsource = "e.mtx"\nsrc = "a"\n', "graph.src: 'a'", "its default for format matrix_market"),
    ],
)
def test_what_the_configuration_tells_is_refused_when_it_is_read(
    folder: Path, text: str, key: str, allowed: str
) -> None:
    with pytest.raises(InvalidConfig, match=rf"g\.toml: {key}.*{allowed}"):
        config_of(folder, 'name = "g"\n' + text)


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        (GRAPH + CORPUS + 'fields = ["nope"]\n', InvalidInput, r"d\.jsonl: no document has the field 'nope'"),
        (GRAPH + CORPUS + 'text = ["nope"]\n', InvalidInput, r"d\.jsonl: no document has the field 'nope'"),
        (GRAPH + CORPUS + 'id = "nope"\n', InvalidInput, r"d\.jsonl, line 1: there is no id in 'nope'"),
        (GRAPH + CORPUS + 'source = "d.parquet"\nfields = ["nope"]\n', InvalidInput, "has the field 'nope'"),
        (GRAPH + CORPUS + 'source = "d.parquet"\nid = "nope"\n', InvalidInput, "has the field 'nope'"),
        (GRAPH + CORPUS + 'source = "d.parquet"\nformat = "jsonl"\n', InvalidInput, "line 1: this is not JSON"),
        (GRAPH + ENCODED + "d_whole = 16\n", InvalidParams, r"muvera\.d_whole = 16 .*less than the tokens' width, 16"),
        (GRAPH + ENCODED.replace("16", "300"), InvalidParams, r"corpus\.encoder\.dim = 300 .*up to 256"),
        (GRAPH + 'src = "nope"\n', InvalidInput, r"e\.tsv, line 1: no column 'nope'"),
        (GRAPH + 'source = "e.parquet"\ndst = "nope"\n', InvalidInput, r"e\.parquet: no column 'nope'"),
        (
            GRAPH + '[fastrp]\ndim = 8\nproperty_ratio = 0.5\nfeatures = "f.csv"\nfeature_columns = ["nope"]\n',
            InvalidInput,
            r"f\.csv: no column 'nope'",
        ),
        (
            GRAPH + '[fastrp]\ndim = 8\nproperty_ratio = 0.5\nfeatures = "f.npy"\nfeature_id = "nope"\n',
            InvalidParams,
            "feature_id = 'nope' cannot be used; allowed: nothing for a matrix",
        ),
    ],
)
def test_what_a_source_begins_with_is_refused_before_anything_is_built(
    folder: Path, text: str, error: type[EngineError], what: str
) -> None:
    text = text.replace('source = "d.jsonl"\nsource', "source").replace('source = "e.tsv"\nsource', "source")
    config = config_of(folder, text)
    with pytest.raises(error, match=what):
        estimate_build(config, str(folder / "store"))
    with pytest.raises(error, match=what):
        run_build(config, Store.create(folder / "store"))
    assert not list((folder / "store").glob("objects/*"))


def test_one_field_needs_no_list(folder: Path) -> None:
    one = config_of(folder, 'name = "g"\n' + CORPUS + 'text = "text"\nfields = "year"\n')
    listed = config_of(folder, 'name = "g"\n' + CORPUS + 'text = ["text"]\nfields = ["year"]\n')
    assert one.corpus == listed.corpus
    assert [stage.digest for stage in plan(one)] == [stage.digest for stage in plan(listed)]


def test_a_wide_d_whole_is_no_mistake_where_the_tokens_are_wider(folder: Path) -> None:
    encoder = 'encoder = { kind = "static", dim = 100 }\n'  # and as much again for the whole text
    config = config_of(folder, 'name = "g"\n' + CORPUS + encoder + "[muvera]\nd_whole = 150\nd_final = 64\n")
    assert estimate_build(config, str(folder / "store"))["stages"]


def test_a_field_of_later_documents_is_doubted_and_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "d.jsonl").open("a") as file:
        file.write(json.dumps({"_id": "e", "text": "later", "late": 1}) + "\n")
    monkeypatch.setattr(beginning, "_SAMPLE_BYTES", 100)
    config = config_of(folder, 'name = "g"\n' + CORPUS + 'fields = ["late"]\n')
    doubt = f"{folder / 'd.jsonl'}: none of the first 2 documents has the field 'late'"
    assert estimate_build(config, str(folder / "store"))["notes"] == [doubt]
    said: list[str] = []
    store = Store.create(folder / "store")
    assert run_build(config, store, say=said.append).published
    assert said == [doubt]
    assert run_build(config, store, say=said.append).unchanged
    assert said == [doubt]  # what is there already is not looked at again


def test_sources_of_stages_that_are_there_or_not_asked_for_are_not_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(folder, GRAPH + CORPUS + 'fields = ["year"]\n')
    store = Store.create(folder / "store")

    def looked_at(*_: object) -> list[str]:
        raise AssertionError("the documents were looked at")

    run: Callable[..., object] = run_build
    monkeypatch.setattr("flows.check_sources.check_beginning", looked_at)
    run(config, store, only=["graph"])
    with pytest.raises(AssertionError, match="looked at"):
        run(config, store)
    monkeypatch.undo()
    run(config, store)
    monkeypatch.setattr("flows.check_sources.check_beginning", looked_at)
    monkeypatch.setattr("flows.check_sources.check_edges", looked_at)
    run(config, store)
