"""Node features that cannot be used: one line with the key or the file, exit code 2 or 3, and nothing is published."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from artifacts.store import Store
from tests.purlieu.said import refused, said

GRAPH = 'name = "g"\n[graph]\nsource = "edges.tsv"\n[fastrp]\ndim = 16\n'
NAMED = GRAPH + 'property_ratio = 0.5\nfeatures = "f.csv"\n'
GOOD = "id,x,word\na,1,p\nb,2,q\nc,3,r\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "edges.tsv").write_text("a\tb\nb\tc\n")
    (tmp_path / "f.csv").write_text(GOOD)
    (tmp_path / "g.toml").write_text(NAMED)
    return tmp_path / "g.toml"


def refused_build(capsys: pytest.CaptureFixture[str], config: Path, code: int) -> str:
    store = config.parent / "store"
    error = refused(capsys, code, "build", config, "--no-prefect", "--store", store)
    assert refused(capsys, code, "build", config, "--no-prefect", "--store", store, "--json") == error
    if store.exists():
        assert Store.open(store).place.names("indexes/g/versions") == []
    return error


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (GRAPH + "property_ratio = 0.5\n", "fastrp.property_ratio: 0.5 needs node features; add features = "),
        (GRAPH + 'features = "f.csv"\n', "fastrp.features: is of no use while property_ratio is 0; set it to"),
        (GRAPH + 'feature_id = "id"\n', "fastrp.feature_id: is of no use without features; add features"),
        (GRAPH + "property_ratio = 0.5\nfeatures = 3\n", "fastrp.features: missing or not a string"),
        (NAMED + 'feature_collumns = ["x"]\n', "fastrp.feature_collumns: unknown key; did you mean 'feature_columns'?"),
        (NAMED + "feature_columns = []\n", "fastrp.feature_columns: () cannot be used; allowed: names of columns"),
        (NAMED + 'feature_columns = ["x", "x"]\n', "cannot be used; allowed: every column once"),
        (NAMED + 'missing_features = "drop"\n', "fastrp.missing_features: 'drop' cannot be used; allowed: 'error'"),
        (NAMED + 'standardize = "perhaps"\n', "fastrp.standardize: 'perhaps' cannot be used; allowed: a valid boolean"),
    ],
)
def test_a_bad_config_is_refused(config: Path, capsys: pytest.CaptureFixture[str], text: str, what: str) -> None:
    config.write_text(text)
    assert what in refused_build(capsys, config, 2)


@pytest.mark.parametrize(
    ("data", "more", "what"),
    [
        (None, "", "f.csv: no such file"),
        ("", "", "f.csv: it is empty; write a header and one row for each node"),
        ("id,x\n", "", "f.csv: it holds no rows"),
        ("id,x\na,1\nb,nan\nc,1\n", "", "f.csv: row 2, id 'b': 'x' is missing, or no number; fill the gap"),
        ("id,x\na,1\nb,inf\nc,1\n", "", "f.csv: row 2, id 'b': 'x' is inf; fill the gap"),
        ("id,x\na,1\na,2\nb,2\nc,1\n", "", "f.csv: row 2, id 'a': it is given twice, first in row 1"),
        ("id,x\na,1\nb,2\n", "", "f.csv: 1 of 3 nodes have no row; the first is 'c'"),
        ("id,x\nd,1\ne,2\n", "", "f.csv: none of its 2 ids is a node of the graph: the first is 'd'"),
        (GOOD, 'feature_columns = ["word"]', "f.csv: row 1, id 'a': column 'word' holds text, 'p'"),
        (GOOD, 'feature_columns = ["xx"]', "f.csv: no column 'xx'; did you mean 'x'?"),
        (GOOD, 'feature_id = "node"', "f.csv: no column 'node'; its columns are id, x, word"),
    ],
)
def test_a_bad_file_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], data: str | None, more: str, what: str
) -> None:
    config.write_text(f"{NAMED}{more}\n")
    if data is None:
        (config.parent / "f.csv").unlink()
    else:
        (config.parent / "f.csv").write_text(data)
    assert what in refused_build(capsys, config, 3)


def test_columns_asked_of_a_matrix_are_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(config.parent / "f.npy", np.eye(3))
    config.write_text(NAMED.replace("f.csv", "f.npy") + 'feature_id = "id"\n')
    assert "feature_id = 'id' cannot be used; allowed: nothing for a matrix" in refused_build(capsys, config, 2)
    config.write_text(NAMED.replace("f.csv", "f.npy"))
    assert "f.npy: the rows of a matrix are the nodes 0, 1, …" in refused_build(capsys, config, 3)


def test_a_good_file_is_counted_where_people_look(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "f.csv").write_text(GOOD + "z,nan,s\n")
    store = config.parent / "store"
    assert said(capsys, "build", config, "--no-prefect", "--store", store).code == 0
    assert "n_nodes_without_row 0, n_rows 4, n_rows_without_node 1" in said(capsys, "show", "g", "--store", store).out
    assert said(capsys, "verify", "g", "--store", store).code == 0


def test_tuning_reads_the_features_of_the_config(capsys: pytest.CaptureFixture[str]) -> None:
    states = Path(__file__).parents[2] / "config" / "states.toml"
    got = said(capsys, "tune", states, "--held-out", "0.2", "--trials", "3", "--json")
    assert (got.code, 'features = "../data/states/states.csv"' in json.loads(got.out)["toml"]) == (0, True)
