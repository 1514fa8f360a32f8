"""Files of labels: what is read, and the line that is named when one cannot be."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from foundation.errors import InvalidInput
from foundation.ids import Ids, IntegerIds, StringIds
from graph.node_labels import LEAST_NODES
from graph.readers.labels import read_labels

NAMES = StringIds.from_sorted([f"n{i:02d}" for i in range(30)])
TWENTY = "".join(f"n{i:02d}\t{'even' if i % 2 == 0 else 'odd'}\n" for i in range(LEAST_NODES))


def write(tmp_path: Path, text: str | bytes, name: str = "labels.tsv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("lead", ["", "id\tlabel\n", "# made by hand\n\n", "\n# x\nnode\tkind\n"])
@pytest.mark.parametrize("name", ["labels.tsv", "labels.tsv.gz"])
def test_nodes_get_their_labels(tmp_path: Path, lead: str, name: str) -> None:
    text = (lead + TWENTY + "n00\tbig one\r\nn29\teven\nn29\teven\n").encode()
    found = read_labels(write(tmp_path, gzip.compress(text) if name.endswith("gz") else text, name), NAMES)
    assert found.names == ("big one", "even", "odd")
    matrix = found.matrix.toarray()
    assert matrix.shape == (30, 3)
    assert matrix.dtype == bool
    assert matrix[0].tolist() == [True, True, False]
    assert matrix[29].tolist() == [False, True, False]
    assert matrix.sum() == LEAST_NODES + 2


def test_integer_ids_are_found_by_their_text(tmp_path: Path) -> None:
    text = "".join(f"{i}\t{i % 3}\n" for i in range(25))
    assert read_labels(write(tmp_path, text), IntegerIds(25)).matrix.sum() == 25


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "labels.tsv: ", "0 different labels"),
        ("n00\ta\n" * 30, "labels.tsv: ", "1 different labels"),
        ("n00\ta\nn01\tb\n", "labels.tsv: ", "2 labelled nodes; label 20 or more"),
        (TWENTY + "n99\todd\n", "labels.tsv, line 21: ", "no node 'n99' in the graph"),
        ("id\tlabel\nid\tlabel\nn99\todd\n", "labels.tsv, line 3: ", "no node 'n99'"),
        (TWENTY + "n21 odd\n", "labels.tsv, line 21: ", "no label after a tab in 'n21 odd'"),
        (TWENTY + "n21\t \n", "labels.tsv, line 21: ", "no label after a tab"),
        (TWENTY.encode() + b"n21\t\xe9\n", "labels.tsv, line 21: ", "is not UTF-8"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(tmp_path: Path, text: str | bytes, where: str, what: str) -> None:
    ids: Ids = NAMES
    with pytest.raises(InvalidInput) as caught:
        read_labels(write(tmp_path, text), ids)
    assert where in str(caught.value)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        read_labels(tmp_path / "none.tsv", NAMES)
