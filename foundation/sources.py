"""Sources of data: a path or an fsspec URL, opened as one stream of plain bytes.

Compression is seen through: by the name's ending (``.gz``, ``.zst``, ``.bz2``), else by the first bytes. Whatever goes
wrong while opening or reading (absent, unreadable, damaged, cut short) is an `InvalidInput` that names the source.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from foundation.errors import InvalidInput, SourceUnavailable

SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2"}
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
_CHUNK = 1 << 16
_SCANNED = 1 << 24
_FAR_CHUNK = 1 << 20


def is_url(source: str | Path) -> bool:
    """Whether ``source`` goes through fsspec (it names a protocol) instead of being a local path."""
    return "://" in str(source)


def plain_suffix(source: str | Path) -> str:
    """The name's last ending below the compression's, in lower case: ``.jsonl`` of ``packages.JSONL.zst``."""
    name = str(source).rsplit("/", 1)[-1].lower()
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return f".{name.rsplit('.', 1)[1]}" if "." in name else ""


@contextmanager
def open_source(source: str | Path) -> Iterator[BinaryIO]:
    """The source as a buffered stream of decompressed bytes.

    Raises
    ------
    InvalidInput
        On opening, when the source is absent or a directory or its protocol unknown; on reading, when the stream
        is damaged or ends early.
    """
    with _opened(source) as raw:
        yield _plain(raw, source)


def random_access(source: str | Path) -> Path | io.BytesIO:
    """For readers that jump about in a file: the path of a plain local one, the decompressed bytes of any other.

    Raises
    ------
    InvalidInput
        As `open_source`.
    """
    with open_source(source) as stream:
        if not is_url(source) and not str(source).lower().endswith(tuple(SUFFIXES)):
            return Path(source)
        return io.BytesIO(stream.read())


def plain_size(source: str | Path) -> int | None:
    """Bytes of a local file that is stored as it is, so that ranges of it can be read; None for any other source.

    Raises
    ------
    InvalidInput
        As `open_source`.
    """
    if is_url(source):
        return None
    with _opened(source) as raw:
        status = os.fstat(raw.fileno())
        return status.st_size if stat.S_ISREG(status.st_mode) and _codec(raw, source) is None else None


def source_sha256(source: str | Path) -> str:
    """SHA-256 of the decompressed bytes, hexadecimal; raises as `open_source`."""
    digest = hashlib.sha256()
    with open_source(source) as stream:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def sample_source(source: str | Path, n_bytes: int) -> tuple[bytes, int]:
    """About the first ``n_bytes`` plain bytes, and how many plain bytes there are in all.

    The total is exact for what is not compressed or shorter than 16 MB; else it is extrapolated from the stored
    bytes that the first 16 MB took (a shorter piece misleads: packers learn as they go). Where a place does not
    tell its size, everything is read.

    Raises
    ------
    InvalidInput
        As `open_source`.
    """
    with _opened(source) as raw:
        packed = _codec(raw, source) is not None
        plain = _plain(raw, source)
        head = plain.read(n_bytes)
        n_plain = len(head)
        while packed and n_plain < _SCANNED and (piece := plain.read(_CHUNK)):
            n_plain += len(piece)
        used = raw.tell()
        try:
            stored = raw.seek(0, io.SEEK_END)
        except OSError:
            return head, n_plain + sum(len(piece) for piece in iter(lambda: plain.read(_CHUNK), b""))
        if not packed:
            return head, stored
        return head, n_plain if n_plain < _SCANNED else max(n_plain, round(n_plain * stored / used))


@contextmanager
def _opened(source: str | Path) -> Iterator[io.BufferedReader]:
    """Stored bytes of the source, closed at the end."""
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(_open_raw(source))
        except FileNotFoundError as error:
            raise _invalid(source, "there is no such file", "check the path") from error
        except IsADirectoryError as error:
            raise _invalid(source, "is a directory", "name a file in it") from error
        except (OSError, ValueError, ImportError) as error:
            if is_url(source) and isinstance(error, ConnectionError | TimeoutError):
                raise SourceUnavailable(source=str(source), what=_one_line(error)) from error
            raise _invalid(
                source, f"cannot be opened ({_one_line(error)})", "check the place and its rights"
            ) from error
        if is_url(source):
            raw = io.BufferedReader(_Far(raw, str(source)), _FAR_CHUNK)
        yield raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)


def _open_raw(source: str | Path) -> Any:
    if is_url(source):
        import fsspec

        return fsspec.open(str(source), "rb", **far_options(str(source)))
    return Path(source).open("rb")


def far_options(source: str) -> dict[str, Any]:
    """What fsspec is told beside the URL: of object stores, to give up after seconds and not after minutes."""
    if not source.startswith(("s3://", "s3a://")):
        return {}
    return {"config_kwargs": {"connect_timeout": 4, "read_timeout": 30, "retries": {"max_attempts": 1}}}


def _codec(raw: io.BufferedReader, source: str | Path) -> str | None:
    lowered = str(source).lower()
    named = next((codec for suffix, codec in SUFFIXES.items() if lowered.endswith(suffix)), None)
    if named is not None:
        return named
    head = raw.peek(4)
    return next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)


def _plain(raw: io.BufferedReader, source: str | Path) -> BinaryIO:
    return io.BufferedReader(_Guarded(_decompressed(raw, _codec(raw, source)), str(source)), _CHUNK)


def _decompressed(raw: IO[bytes], codec: str | None) -> IO[bytes]:
    if codec == "gzip":
        import gzip

        return cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="rb"))
    if codec == "bzip2":
        import bz2

        return cast(IO[bytes], bz2.BZ2File(raw, "rb"))
    if codec == "zstd":
        return cast(IO[bytes], io.BufferedReader(_Zstd(raw), _CHUNK))
    return raw


class _Zstd(io.RawIOBase):
    """Zstandard frames, one after another.

    The library's own stream ends without a word when the file is cut short; this one raises EOFError, as gzip does.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        import zstandard

        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._raw = raw
        self._frame: Any = None
        self._stored = b""
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._plain:
            stored = self._stored or self._raw.read(_CHUNK)
            self._stored = b""
            if not stored:
                if self._frame is not None:
                    raise EOFError("the last frame is incomplete")
                return 0
            if self._frame is None:
                self._frame = self._new_frame()
            self._plain = memoryview(self._frame.decompress(stored))
            if self._frame.eof:
                self._stored = self._frame.unused_data
                self._frame = None
        n = min(len(buffer), len(self._plain))
        buffer[:n] = self._plain[:n]
        self._plain = self._plain[n:]
        return n


class _Far(io.RawIOBase):
    """Turns what a remote place raises while it is read into `SourceUnavailable`."""

    def __init__(self, stream: Any, source: str) -> None:
        self._stream = stream
        self._source = source

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._stream.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except Exception as error:
            raise SourceUnavailable(source=self._source, what=_one_line(error)) from error
        buffer[: len(data)] = data
        return len(data)


class _Guarded(io.RawIOBase):
    """Turns what a damaged stream raises into `InvalidInput`."""

    def __init__(self, stream: IO[bytes], source: str) -> None:
        self._stream = stream
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except SourceUnavailable:
            raise
        except EOFError as error:
            raise _invalid(self._source, "the compressed data ends early", "fetch or write the file again") from error
        except Exception as error:  # zlib.error, zstandard.ZstdError, OSError, and whatever a remote place raises
            raise _invalid(
                self._source, f"cannot be read ({_one_line(error)})", "fetch or write the file again"
            ) from error
        buffer[: len(data)] = data
        return len(data)


def _one_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _invalid(source: str | Path, what: str, fix: str) -> InvalidInput:
    return InvalidInput(source=str(source), what=what, fix=fix)
