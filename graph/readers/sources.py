"""Bytes of a file or URL, decompressed, whole or in blocks of whole lines.

Compression is told by the first bytes, not by the name. Blocks bound the memory: nothing here holds more of a file
than one block, however long the file is, unless the format needs it whole.
"""

from __future__ import annotations

import bz2
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import zstandard

from foundation.errors import InvalidInput

BLOCK = 1 << 25
LONGEST_LINE = 1 << 24
# Compressed bytes are read in small pieces, as one may hold a thousand times its size.
_READ = 1 << 17
_READ_PLAIN = 1 << 22
_BROKEN = (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError, ValueError, OSError)

COMPRESSED = (".gz", ".zst", ".bz2", ".xz")
_CODECS: tuple[tuple[bytes, str, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", "gzip", lambda: zlib.decompressobj(wbits=31)),
    (b"\x28\xb5\x2f\xfd", "zstd", lambda: zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()),
    (b"\x50\x2a\x4d\x18", "zstd", lambda: zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()),
    (b"BZh", "bzip2", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMADecompressor),
)


def suffix_of(source: str | Path) -> str:
    """Lower-case suffix of the name under any compression suffix: ".tsv" of ``a.tsv.gz``, or ""."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(_path_of(source)).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def opened(source: str | Path) -> Iterator[IO[bytes]]:
    """The raw bytes of a path or of an fsspec URL.

    Raises
    ------
    InvalidInput
        When there is no such file, or it cannot be opened, or is a directory.
    """
    name = str(source)
    try:
        raw = _open_url(name) if "://" in name else open(name, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError as error:
        raise InvalidInput(source=name, what="there is no such file", fix="check the path") from error
    except IsADirectoryError as error:
        raise InvalidInput(source=name, what="it is a directory", fix="name one file in it") from error
    except OSError as error:
        what = f"it cannot be opened: {error.strerror or error}"
        raise InvalidInput(source=name, what=what, fix="check the path and the rights to read it") from error
    with raw:
        yield raw


def _open_url(url: str) -> IO[bytes]:
    import fsspec

    try:
        opened_file: IO[bytes] = fsspec.open(url, "rb").open()
    except OSError:
        raise
    except ImportError as error:
        what = f"its file system needs a package that is not installed: {error}"
        raise InvalidInput(source=url, what=what, fix="install it, or copy the file here") from error
    except Exception as error:  # every file system raises its own kinds
        what = f"it cannot be opened: {error}"
        raise InvalidInput(source=url, what=what, fix="check the URL and the rights to read it") from error
    return opened_file


def pieces(source: str | Path) -> Iterator[tuple[bytes, int]]:
    """Decompressed bytes piece by piece, each with the number of bytes consumed of the file so far.

    Raises
    ------
    InvalidInput
        As `opened`; or when the compressed data is broken, ends early, or is not what its name says.
    """
    name = str(source)
    with opened(source) as raw:
        data = _read(raw, name, _READ)
        consumed = len(data)
        found = next(((kind, make) for magic, kind, make in _CODECS if data.startswith(magic)), None)
        if found is None:
            if data and _path_of(source).lower().endswith(COMPRESSED):
                what = "its name says compressed, its first bytes do not"
                raise InvalidInput(source=name, what=what, fix="rename it, or fetch it again")
            while data:
                yield data, consumed
                data = _read(raw, name, _READ_PLAIN)
                consumed += len(data)
            return
        kind, make = found
        member, complete = make(), False
        while data:
            try:
                plain, complete = member.decompress(data), member.eof
            except _BROKEN as error:
                what = f"the {kind} data is broken after {consumed} bytes: {error}"
                raise InvalidInput(source=name, what=what, fix="fetch or compress it again") from error
            yield plain, consumed
            data = b""
            if complete:  # another member may follow, after padding
                data, member = member.unused_data.lstrip(b"\0"), make()
            while not data and (more := _read(raw, name, _READ)):
                consumed += len(more)
                data = more.lstrip(b"\0") if complete else more
        if not complete:
            what = f"the {kind} data ends early, after {consumed} bytes"
            raise InvalidInput(source=name, what=what, fix="it was cut short: fetch or compress it again")


def _read(raw: IO[bytes], name: str, size: int) -> bytes:
    try:
        return raw.read(size)
    except OSError as error:
        what = f"it cannot be read: {error.strerror or error}"
        raise InvalidInput(source=name, what=what, fix="check the disk or the connection") from error


def whole(source: str | Path) -> bytes:
    """All bytes, decompressed; for formats that cannot be read in parts."""
    return b"".join(piece for piece, _ in pieces(source))


def size_of(source: str | Path) -> int | None:
    """Bytes of the file as stored, or None where the file system does not say."""
    if "://" not in str(source):
        return os.path.getsize(source)
    import fsspec

    file_system, path = fsspec.url_to_fs(str(source))
    size: int | None = file_system.size(path)
    return size


def blocks(source: str | Path, size: int = BLOCK) -> Iterator[bytes]:
    """UTF-8 text in blocks of about ``size`` bytes, each ending in a newline; no byte-order mark.

    The next block is read and decompressed while the caller works on the last one.

    Raises
    ------
    InvalidInput
        As `pieces`; or when the bytes are plainly no UTF-8 text in lines.
    """
    with ThreadPoolExecutor(max_workers=1) as reader:
        cut = _cut(source, size)
        coming = reader.submit(next, cut, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, cut, None)
            yield block


def _cut(source: str | Path, size: int) -> Iterator[bytes]:
    held: list[bytes] = []
    n_held, at_start = 0, True
    for piece, _ in pieces(source):
        held.append(piece)
        n_held += len(piece)
        if n_held < size:
            continue
        joined = b"".join(held)
        end = joined.rfind(b"\n") + 1
        _check_line(n_held - end, str(source))
        if end:
            yield _without_mark(joined[:end], source) if at_start else joined[:end]
            at_start = False
        held, n_held = [joined[end:]], n_held - end
    if n_held:
        joined = b"".join(held)
        _check_line(n_held - joined.rfind(b"\n", 0, -1), str(source))
        joined = joined if joined.endswith(b"\n") else joined + b"\n"
        yield _without_mark(joined, source) if at_start else joined


def _check_line(length: int, name: str) -> None:
    if length > LONGEST_LINE:
        what = f"a line is longer than {LONGEST_LINE >> 20} MB"
        raise InvalidInput(source=name, what=what, fix="is it text? set format, or end its lines with newlines")


def _without_mark(first: bytes, source: str | Path) -> bytes:
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        fix = "convert it: iconv -f UTF-16 -t UTF-8"
        raise InvalidInput(source=str(source), what="it is UTF-16, not UTF-8", fix=fix)
    if b"\0" in first[:4096]:
        raise InvalidInput(source=str(source), what="it is binary, not text in lines", fix="set format to what it is")
    return first.removeprefix(b"\xef\xbb\xbf")


def _path_of(source: str | Path) -> str:
    """The path inside a URL, without what follows a question mark."""
    name = str(source)
    return name.split("://", 1)[1].split("?", 1)[0] if "://" in name else name
