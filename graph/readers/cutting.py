"""A file or URL of text in blocks of whole lines.

Blocks bound the memory: nothing here holds more of a file than two of them, however long the file is.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from foundation.errors import InvalidInput
from foundation.sources import open_source

BLOCK = 1 << 25
LONGEST_LINE = 1 << 24
MARK = b"\xef\xbb\xbf"
_READ = 1 << 22


def blocks(source: str | Path, size: int = BLOCK) -> Iterator[bytes]:
    """UTF-8 text in blocks of about ``size`` bytes, each ending in a newline; no byte-order mark.

    The next block is read and decompressed while the caller works on the last one.

    Raises
    ------
    InvalidInput
        When the source cannot be opened or read, or its bytes are plainly no UTF-8 text in lines.
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
    with open_source(source) as stream:
        while piece := stream.read(min(size, _READ)):
            held.append(piece)
            n_held += len(piece)
            if n_held < size:
                continue
            joined = b"".join(held)
            end = joined.rfind(b"\n") + 1
            _check_line(n_held - end, source)
            if end:
                yield without_mark(joined[:end], source) if at_start else joined[:end]
                at_start = False
            held, n_held = [joined[end:]], n_held - end
    if n_held:
        joined = b"".join(held)
        _check_line(n_held - joined.rfind(b"\n", 0, -1), source)
        joined = joined if joined.endswith(b"\n") else joined + b"\n"
        yield without_mark(joined, source) if at_start else joined


def _check_line(length: int, source: str | Path) -> None:
    if length > LONGEST_LINE:
        what = f"a line is longer than {LONGEST_LINE >> 20} MB"
        raise InvalidInput(source=str(source), what=what, fix="is it text? set format, or end its lines with newlines")


def without_mark(first: bytes, source: str | Path) -> bytes:
    """The beginning of a text without its byte-order mark; raises `InvalidInput` for what is plainly no UTF-8."""
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        fix = "convert it: iconv -f UTF-16 -t UTF-8"
        raise InvalidInput(source=str(source), what="it is UTF-16, not UTF-8", fix=fix)
    if b"\0" in first[:4096]:
        raise InvalidInput(source=str(source), what="it is binary, not text in lines", fix="set format to what it is")
    return first.removeprefix(MARK)
