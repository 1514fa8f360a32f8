"""Bytes: compressed, remote, cut short, broken, and in blocks."""

from __future__ import annotations

from pathlib import Path

import fsspec
import numpy as np
import pytest

from foundation.errors import InvalidInput
from graph.edge_list import ReadParams, estimate_edges, read_graph
from graph.readers import cutting
from tests.graph_files import COMPRESSORS, Write, edges_of


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_compressed_files_are_read_like_plain_ones(write: Write, suffix: str) -> None:
    text = "src,dst\n" + "".join(f"a{i},a{i + 1}\n" for i in range(20_000))
    plain = read_graph(write(text, "e.csv"))
    half = len(text) // 2
    for data in (
        COMPRESSORS[suffix](text.encode()),
        COMPRESSORS[suffix](text[:half].encode()) + COMPRESSORS[suffix](text[half:].encode()),
    ):
        assert edges_of(read_graph(write(data, f"e.csv{suffix}"))) == edges_of(plain)
        # The first bytes tell, whatever the name says.
        assert edges_of(read_graph(write(data, "nameless"), ReadParams(format="csv"))) == edges_of(plain)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_urls_are_read_through_fsspec(write: Write, suffix: str) -> None:
    path = write(COMPRESSORS.get(suffix, bytes)(b"1\t2\n"), f"e.tsv{suffix}")
    with fsspec.open(f"memory://room/e.tsv{suffix}", "wb") as there:
        there.write(path.read_bytes())
    for url in (path.as_uri(), f"memory://room/e.tsv{suffix}"):
        assert edges_of(read_graph(url)) == {(1, 2): 1}
        assert estimate_edges(url, ReadParams()) == (1, 2)


@pytest.mark.parametrize("size", [1, 100, 4096, 1 << 20])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_blocks_hold_whole_lines_and_all_of_them(write: Write, size: int, suffix: str) -> None:
    text = b"".join(b"%d %d\n" % (i, i * i) for i in range(2000)) + b"last line"
    found = list(cutting.blocks(write(COMPRESSORS.get(suffix, bytes)(text)), size))
    assert b"".join(found) == text + b"\n"
    assert all(block.endswith(b"\n") for block in found)
    # No block is longer than what was asked for, a line that did not fit before, and one read.
    assert all(len(block) <= 2 * size + 20 for block in found)
    assert len(found) > len(text) // (2 * size + 20)


def test_a_line_without_end_is_refused(write: Write) -> None:
    with pytest.raises(InvalidInput, match="a line is longer than 16 MB; is it text"):
        read_graph(write(b"x" * (17 << 20)), ReadParams())


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_compressed_data_that_ends_early_is_refused(write: Write, suffix: str) -> None:
    rng = np.random.default_rng(0)
    text = "".join(f"{u} {v}\n" for u, v in rng.integers(0, 10**6, (50_000, 2)))
    data = COMPRESSORS[suffix](text.encode())
    for end in (len(data) // 2, len(data) - 1, 7):
        path = write(data[:end], f"cut.txt{suffix}")
        with pytest.raises(InvalidInput, match=r"cut\.txt.*: the compressed data ends early; fetch or write"):
            read_graph(path)


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_compressed_data_that_is_broken_is_refused_or_read_right(write: Write, suffix: str) -> None:
    text = "".join(f"{i % 97} {i * i % 89}\n" for i in range(3000))
    data = COMPRESSORS[suffix](text.encode())
    right = edges_of(read_graph(write(text)))
    refused = 0
    for at in range(0, len(data), max(1, len(data) // 40)):
        broken = bytearray(data)
        broken[at] ^= 0x55
        try:
            found = edges_of(read_graph(write(bytes(broken), f"broken.txt{suffix}")))
        except InvalidInput:
            refused += 1
        else:
            # zstd as written here carries no checksum: a flipped literal is then a different text.
            assert suffix == ".zst" or found == right
    assert refused > 0


def test_plain_bytes_under_a_compressed_name_are_refused(write: Write) -> None:
    with pytest.raises(InvalidInput, match=r"e\.txt\.gz: cannot be read \(Not a gzipped file"):
        read_graph(write("1 2\n", "e.txt.gz"))


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing\.tsv: there is no such file; check the path"):
        read_graph(tmp_path / "nothing.tsv")
    with pytest.raises(InvalidInput, match="is a directory; name a file in it"):
        read_graph(tmp_path)
    with pytest.raises(InvalidInput, match=r"memory://room/nothing\.tsv: there is no such file"):
        read_graph("memory://room/nothing.tsv")
    with pytest.raises(InvalidInput, match=r"nosuch://x/y\.tsv: cannot be opened \(Protocol not known"):
        read_graph("nosuch://x/y.tsv")
    for name in ("m.mtx", "m.npz", "m.mat", "m.parquet"):
        with pytest.raises(InvalidInput, match=f"{name}: there is no such file"):
            read_graph(tmp_path / name)
        with pytest.raises(InvalidInput, match=f"{name}: there is no such file"):
            estimate_edges(tmp_path / name, ReadParams())
