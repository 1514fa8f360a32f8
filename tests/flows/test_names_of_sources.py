"""What a source's name says of its format is part of what an artifact is known by."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from artifacts.store import Store
from flows.plan import plan
from flows.run import run_build
from flows.settings import read_config
from foundation.errors import InvalidInput
from serving.engine import Engine

QUOTED = '"a"\tb\n"a b"\tc\n'


def _config(place: Path, name: str, tables: str = "") -> Path:
    config = place / f"{name}.toml"
    config.write_text(f'name = "z"\n[graph]\nsource = "{name}"\n[communities]\n{tables}')
    return config


def test_equal_bytes_under_other_names_are_other_graphs_in_one_store(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    ids = {}
    for name in ("z.tsv", "z.csv"):
        (tmp_path / name).write_text(QUOTED)
        run_build(read_config(_config(tmp_path, name, "num_perm = 8\nn_bands = 4\nn_rows = 2\n")), store)
        engine = Engine.open(store, "z")
        ids[name] = {hit["id"] for hit in engine.nodes("", limit=20)}
    assert ids == {"z.tsv": {'"a"', "b", '"a b"', "c"}, "z.csv": {"a", "b", "a b", "c"}}


def test_a_name_that_says_the_same_is_the_same_artifact(tmp_path: Path) -> None:
    digests = []
    for name in ("y.tsv", "z.tsv", "z.tab", "Z.TSV"):
        (tmp_path / name).write_text(QUOTED)
        digests.append(plan(read_config(_config(tmp_path, name)))[0].digest)
    assert len(set(digests)) == 1


def test_a_name_of_a_format_not_read_is_refused_though_a_store_knows_its_bytes(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    for name in ("ints.tsv", "ints.xlsx", "ints.parquet"):
        (tmp_path / name).write_text("1\t2\n2\t3\n")
    run_build(read_config(_config(tmp_path, "ints.tsv")), store)
    with pytest.raises(InvalidInput, match=r"\.xlsx is not a format read here"):
        run_build(read_config(_config(tmp_path, "ints.xlsx")), store)
    with pytest.raises(InvalidInput, match="Parquet"):
        run_build(read_config(_config(tmp_path, "ints.parquet")), store)


def test_documents_and_features_are_known_by_their_formats_too(tmp_path: Path) -> None:
    (tmp_path / "z.tsv").write_text(QUOTED)
    pl.DataFrame({"id": ["b", "c"], "text": ["chess", "music"]}).write_parquet(tmp_path / "docs.parquet")
    (tmp_path / "docs.bin").write_bytes((tmp_path / "docs.parquet").read_bytes())
    for name in ("f.csv", "f.tsv"):
        (tmp_path / name).write_text("id\n1\n")
    found = {}
    for docs, features in (("docs.parquet", "f.csv"), ("docs.bin", "f.tsv")):
        tables = f'[corpus]\nsource = "{docs}"\ntext = ["text"]\n'
        tables += f'[fastrp]\nproperty_ratio = 0.5\nfeatures = "{features}"\n'
        stages = {stage.name: stage for stage in plan(read_config(_config(tmp_path, "z.tsv", tables)))}
        found[docs] = [(stages[name].params["format"], stages[name].digest) for name in ("corpus", "features")]
    assert [[form for form, _ in each] for each in found.values()] == [["parquet", ".csv"], ["auto", ".tsv"]]
    assert len({digest for each in found.values() for _, digest in each}) == 4
