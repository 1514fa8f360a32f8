"""Bad documents, their vectors and their encoder: one line with the file, and what was published goes on answering."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import polars as pl
import pytest
import zstandard

from tests.purlieu.said import files, refused, said
from tests.static_model import write_static_model

WORDS = ["chess", "video", "proxy", "the", "of"]
TEXTS = {"a": "chess", "b": "video", "c": "", "d": "proxy of the video"}
SMALL = "[muvera]\nnum_repetitions = 2\nk_sim = 1\nd_proj = 4\nn_candidates = 4\nn_heldout = 2\n"
MANY = "".join(json.dumps({"_id": str(n), "text": f"{n * n} words"}) + "\n" for n in range(2000)).encode()


def parquet(text: bytes) -> bytes:
    file = io.BytesIO()
    pl.read_ndjson(io.BytesIO(text)).write_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("docs.jsonl", MANY, "docs.jsonl, line 1000: this is not JSON"),
        ("docs.jsonl.gz", gzip.compress(MANY), "docs.jsonl.gz: the compressed data ends early"),
        ("docs.jsonl.zst", zstandard.compress(MANY), "docs.jsonl.zst: the compressed data ends early"),
        ("docs.parquet", parquet(MANY), "docs.parquet: this cannot be read as Parquet"),
    ],
)
def test_a_file_of_documents_cut_in_the_middle_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes, what: str
) -> None:
    middle = MANY.index(b'{"_id": "999"') + 20 if name == "docs.jsonl" else len(data) // 2
    (tmp_path / name).write_bytes(data[:middle])
    (tmp_path / "c.toml").write_text(f'name = "c"\n[corpus]\nsource = "{name}"\n')
    store = tmp_path / "store"
    assert what in refused(capsys, 3, "build", tmp_path / "c.toml", "--no-prefect", "--store", store)
    assert "c" not in {path.split("/")[0] for path in files(store)}


@pytest.mark.parametrize(
    ("vectors", "line", "what"),
    [
        ("[[1, 2, 3]]", 2, "its vectors have 3 numbers, those before have 2"),
        ("[[1, NaN]]", 2, "this is not JSON"),
        ("[[1, 1e39]]", 2, "not finite as float32"),
        ('"chess"', 2, "not a list of equally long lists of numbers"),
    ],
)
def test_token_vectors_that_cannot_be_used_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], vectors: str, line: int, what: str
) -> None:
    (tmp_path / "docs.jsonl").write_text(f'{{"_id": "a", "v": [[1, 0]]}}\n{{"_id": "b", "v": {vectors}}}\n')
    config = tmp_path / "c.toml"
    corpus = '[corpus]\nsource = "docs.jsonl"\nvectors = "v"\n[corpus.encoder]\nkind = "precomputed"\n'
    config.write_text(f'name = "c"\n{corpus}{SMALL}')
    error = refused(capsys, 3, "build", config, "--no-prefect", "--store", tmp_path / "store")
    assert f"docs.jsonl, line {line}: " in error
    assert what in error


def test_more_hyperplanes_than_a_cell_number_holds_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs.jsonl").write_text('{"_id": "a", "text": "x"}\n')
    (tmp_path / "c.toml").write_text('name = "c"\n[corpus]\nsource = "docs.jsonl"\n[muvera]\nk_sim = 31\n')
    error = refused(capsys, 2, "build", tmp_path / "c.toml", "--no-prefect", "--store", tmp_path / "store")
    assert "c.toml: muvera.k_sim: 31 cannot be used; allowed: " in error


def test_questions_are_not_encoded_by_another_model_than_the_documents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"_id": id, "text": text}) for id, text in TEXTS.items()]
    (tmp_path / "docs.jsonl").write_text("\n".join(lines))
    model = write_static_model(tmp_path / "model", WORDS, dim=8, faint="the", zero="of")
    config, store = tmp_path / "c.toml", tmp_path / "store"
    config.write_text(f'name = "c"\n[corpus]\nsource = "docs.jsonl"\n[corpus.encoder]\npath = "{model}"\n{SMALL}')
    assert said(capsys, "build", config, "--no-prefect", "--store", store).code == 0
    ask = ("query", "c", "search", "--text", "video", "-k", 4, "--store", store, "--json")
    found = [hit["id"] for hit in json.loads(said(capsys, *ask).out)["results"][0]]
    assert found[0] == "b"
    assert "c" not in found  # a document without a text is never an answer
    write_static_model(tmp_path / "model", WORDS[::-1], dim=8, faint="the", zero="of")
    assert "the encoder's files are not those the documents were encoded with; restore them" in refused(capsys, 4, *ask)
    write_static_model(tmp_path / "model", WORDS, dim=8, faint="the", zero="of")
    assert said(capsys, *ask).code == 0
