"""Lines of the text files that judged collections come as: their numbers, their columns, and what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from foundation.errors import InvalidInput
from foundation.sources import open_source

_MARK = b"\xef\xbb\xbf"


def text_lines(source: str | Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of every line that is not blank, without its end; ``.gz``, ``.zst``, ``.bz2`` are seen
    through.

    Raises
    ------
    InvalidInput
        When the source cannot be read or a line is not UTF-8.
    """
    with open_source(source) as stream:
        for number, line in enumerate(stream, start=1):
            data = line.removeprefix(_MARK) if number == 1 else line
            try:
                text = data.decode().rstrip("\r\n")
            except UnicodeDecodeError as error:
                what = f"this is not UTF-8 ({error.reason} at byte {error.start + 1})"
                raise bad_line(source, number, what, "write the file as UTF-8") from None
            if text and not text.isspace():
                yield number, text


def columns(text: str) -> list[str]:
    """Cut at tabs where there are any, else at blanks: with tabs, ids may hold blanks."""
    return [part.strip() for part in text.split("\t")] if "\t" in text else text.split()


def bad_line(source: str | Path, number: int | None, what: str, fix: str) -> InvalidInput:
    """The error of a line."""
    return InvalidInput(source=str(source), what=what, fix=fix, line=number)
