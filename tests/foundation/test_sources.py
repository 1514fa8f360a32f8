"""Sources: compression seen through, damage named."""

from __future__ import annotations

import bz2
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest
import zstandard

from foundation.errors import InvalidInput, SourceUnavailable
from foundation.sources import open_source, plain_suffix, random_access, sample_source, source_sha256
from tests.faulty_s3 import FaultyS3
from tests.s3_server import reachable, s3_server

PLAIN = b"".join(b'{"_id": "%d", "text": "line %d"}\n' % (i, i * i) for i in range(20_000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


def read(source: str | Path) -> bytes:
    with open_source(source) as stream:
        return stream.read()


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("named", [True, False])
def test_every_compression_is_seen_through_by_name_or_by_first_bytes(tmp_path: Path, suffix: str, named: bool) -> None:
    path = tmp_path / f"data.jsonl{suffix if named else ''}"
    path.write_bytes(PACKERS[suffix](PLAIN))
    assert read(path) == PLAIN


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst"])
def test_several_compressed_pieces_in_one_file_are_read_as_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    path.write_bytes(PACKERS[suffix](PLAIN[:1000]) + PACKERS[suffix](b"") + PACKERS[suffix](PLAIN[1000:]))
    assert read(path) == PLAIN


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_file_cut_short_is_an_error_that_names_it(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"data{suffix}"
    packed = PACKERS[suffix](PLAIN)
    path.write_bytes(packed[: int(len(packed) * share)])
    with pytest.raises(InvalidInput, match=f"data{suffix}: the compressed data ends early"):
        read(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst"])
def test_damaged_bytes_are_an_error_or_are_read_right(tmp_path: Path, suffix: str) -> None:
    packed = bytearray(PACKERS[suffix](PLAIN))
    n_refused = 0
    for place in np.linspace(0, len(packed) - 1, 40).astype(int):
        damaged = bytearray(packed)
        damaged[place] ^= 0xFF
        path = tmp_path / f"data{suffix}"
        path.write_bytes(damaged)
        try:
            found = read(path)
        except InvalidInput:
            n_refused += 1
        else:
            assert suffix == ".zst" or found == PLAIN  # a zstd frame has no checksum unless asked for
    assert n_refused > 0


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst"])
def test_a_plain_file_named_as_compressed_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    path.write_bytes(PLAIN)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read(path)


def test_a_url_goes_through_fsspec(tmp_path: Path) -> None:
    with fsspec.open("memory://corpus/data.jsonl.gz", "wb") as stream:
        stream.write(gzip.compress(PLAIN))
    assert read("memory://corpus/data.jsonl.gz") == PLAIN
    (tmp_path / "a.txt").write_bytes(b"x")
    assert read(f"file://{tmp_path}/a.txt") == b"x"


@pytest.mark.parametrize("source", ["nowhere/data.jsonl", "memory://nowhere/data.jsonl", "file:///nowhere/data.jsonl"])
def test_a_missing_source_is_named(source: str) -> None:
    with pytest.raises(InvalidInput, match="there is no such file") as raised:
        read(source)
    assert raised.value.source == source


def test_a_directory_and_an_unknown_protocol_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is a directory"):
        read(tmp_path)
    with pytest.raises(InvalidInput, match=r"nosuch://a/b: cannot be opened"):
        read("nosuch://a/b")


def test_random_access_is_the_path_of_a_plain_local_file_and_the_bytes_of_any_other(tmp_path: Path) -> None:
    for suffix, pack in PACKERS.items():
        path = tmp_path / f"data.bin{suffix}"
        path.write_bytes(pack(PLAIN))
        found = random_access(path)
        assert found == path if suffix == "" else not isinstance(found, Path) and found.read() == PLAIN
        assert source_sha256(path) == hashlib.sha256(PLAIN).hexdigest()
    with pytest.raises(InvalidInput, match="there is no such file"):
        random_access(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a/b.JSONL.zst", ".jsonl"),
        ("b.parquet", ".parquet"),
        ("http://x/y.z/b", ""),
        ("b.gz", ""),
        ("b.tar.gz", ".tar"),
    ],
)
def test_plain_suffix_looks_below_the_compression(name: str, suffix: str) -> None:
    assert plain_suffix(name) == suffix


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_sample_of_a_small_file_knows_the_total(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    path.write_bytes(PACKERS[suffix](PLAIN))
    assert sample_source(path, 100) == (PLAIN[:100], len(PLAIN))
    assert sample_source(path, 10**9) == (PLAIN, len(PLAIN))


def test_a_sample_of_a_large_file_extrapolates(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    large = rng.integers(97, 105, 3 << 24, dtype=np.uint8).tobytes()
    path = tmp_path / "data.zst"
    path.write_bytes(PACKERS[".zst"](large))
    head, total = sample_source(path, 1 << 20)
    assert head == large[: 1 << 20]
    assert total == pytest.approx(len(large), rel=0.02)


def test_a_source_that_does_not_answer_is_told_apart_from_one_that_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server() as server, FaultyS3(server.url).running() as proxy, reachable(server):
        url = f"{server.bucket()}/data.jsonl.gz"
        with fsspec.open(url, "wb", endpoint_url=server.url) as stream:
            stream.write(gzip.compress(PLAIN))
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        assert read(url) == PLAIN
        proxy.plan = lambda method, path: "error" if method == "GET" else None
        with pytest.raises(SourceUnavailable, match="not reachable"):
            read(url)
        proxy.plan = lambda method, path: "flip" if method == "GET" else None
        with pytest.raises(InvalidInput):
            read(url)
