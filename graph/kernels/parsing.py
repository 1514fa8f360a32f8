"""Lines of integers to columns, byte by byte.

Layout   ``text`` is uint8 and ends in a newline; a line is ``int<delimiter>int[<delimiter>weight]`` with other columns
         anywhere; ``src``, ``dst`` are int64, ``weights`` float64 or empty where no column has any.
Threads  single-threaded over the bytes [start, stop), which are whole lines.
Limits   only what is plain is taken: integers of at most 18 digits without a plus sign, numbers whose decimal digits
         and power of ten are exact in float64 (at most 2**53, at most 10**22), the right number of columns, no quotes.
         The first line with anything else ends the loop; another reader decides what it means.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

_TAB, _NEWLINE, _RETURN, _BLANK, _QUOTE, _MINUS, _POINT = 9, 10, 13, 32, 34, 45, 46
_ZERO, _NINE, _E, _SMALL_E = 48, 57, 69, 101
_MOST_DIGITS = 18
_EXACT = 1 << 53
_POWERS = np.array([10.0**power for power in range(23)])


@numba.njit(nogil=True, cache=True, inline="always")
def _is_blank(byte: int, delimiter: int) -> bool:
    return byte == _BLANK or (byte == _TAB and delimiter != _TAB)


@numba.njit(nogil=True, cache=True)
def _parse_decimal(text: npt.NDArray[np.uint8], at: int) -> tuple[float, int]:
    """The number that begins at ``at`` and the position after it, or (0, -1) for one that is not plain."""
    mantissa, n_digits, scale = np.int64(0), 0, 0
    while text[at] >= _ZERO and text[at] <= _NINE:
        mantissa = mantissa * 10 + np.int64(text[at]) - _ZERO
        n_digits += 1
        at += 1
        if n_digits > _MOST_DIGITS:
            return 0.0, -1
    if text[at] == _POINT:
        at += 1
        while text[at] >= _ZERO and text[at] <= _NINE:
            mantissa = mantissa * 10 + np.int64(text[at]) - _ZERO
            n_digits += 1
            scale -= 1
            at += 1
            if n_digits > _MOST_DIGITS:
                return 0.0, -1
    if n_digits == 0 or mantissa > _EXACT:
        return 0.0, -1
    if text[at] == _E or text[at] == _SMALL_E:
        at += 1
        sign = 1
        if text[at] == _MINUS:
            sign = -1
            at += 1
        exponent, begun = np.int64(0), at
        while text[at] >= _ZERO and text[at] <= _NINE:
            exponent = exponent * 10 + np.int64(text[at]) - _ZERO
            at += 1
            if at - begun > 3:
                return 0.0, -1
        if at == begun:
            return 0.0, -1
        scale += sign * int(exponent)
    if scale < -22 or scale > 22:
        return 0.0, -1
    # Both factors are exact, so that one rounding is left: that of the right answer.
    value = mantissa * _POWERS[scale] if scale >= 0 else mantissa / _POWERS[-scale]
    return value, at


@numba.njit(nogil=True, cache=True)
def parse_edges(
    text: npt.NDArray[np.uint8],
    start: int,
    stop: int,
    delimiter: int,
    comment: npt.NDArray[np.uint8],
    n_columns: int,
    src_column: int,
    dst_column: int,
    weight_column: int,
    src: npt.NDArray[np.int64],
    dst: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
) -> tuple[int, int, int]:
    """Fill the columns from their beginning; ``weight_column`` is -1 where there is none.

    Returns the number of edges, of lines passed, and the position reached: the start of a line that is not plain, or
    ``stop``.
    """
    n_edges, n_lines, at = 0, 0, start
    by_blanks = delimiter == _BLANK
    pairs = src_column == 0 and dst_column == 1 and n_columns == 2
    pairs = pairs and (comment.size == 0 or comment[0] < _ZERO or comment[0] > _NINE)
    while at < stop:
        line = at
        if pairs:  # nearly every line of nearly every file, without the questions below
            first, digit = np.int64(0), np.int64(text[at]) - _ZERO
            while digit >= 0 and digit <= 9:
                first = first * 10 + digit
                at += 1
                digit = np.int64(text[at]) - _ZERO
            if at > line and at - line <= _MOST_DIGITS and digit + _ZERO == delimiter:
                at += 1
                begun, second, digit = at, np.int64(0), np.int64(text[at]) - _ZERO
                while digit >= 0 and digit <= 9:
                    second = second * 10 + digit
                    at += 1
                    digit = np.int64(text[at]) - _ZERO
                if at > begun and at - begun <= _MOST_DIGITS and digit + _ZERO == _NEWLINE:
                    src[n_edges] = first
                    dst[n_edges] = second
                    at += 1
                    n_edges += 1
                    n_lines += 1
                    continue
            at = line
        while _is_blank(text[at], delimiter):
            at += 1
        if text[at] == _NEWLINE or (text[at] == _RETURN and text[at + 1] == _NEWLINE):
            at += 1 if text[at] == _NEWLINE else 2
            n_lines += 1
            continue
        if comment.size and text[at] == comment[0]:
            matched = 1
            while matched < comment.size and text[at + matched] == comment[matched]:
                matched += 1
            if matched == comment.size:
                while text[at] != _NEWLINE:
                    at += 1
                at += 1
                n_lines += 1
                continue
        column = 0
        plain = True
        while True:
            if column in (src_column, dst_column):
                negative = text[at] == _MINUS
                if negative:
                    at += 1
                value, begun = np.int64(0), at
                while text[at] >= _ZERO and text[at] <= _NINE:
                    # After 19 digits this may wrap around; the line is then given up.
                    value = value * 10 + (np.int64(text[at]) - _ZERO)
                    at += 1
                if at == begun or at - begun > _MOST_DIGITS:
                    plain = False
                    break
                if negative:
                    value = -value
                if column == src_column:
                    src[n_edges] = value
                else:
                    dst[n_edges] = value
            elif column == weight_column:
                number, after = _parse_decimal(text, at)
                if after < 0:
                    plain = False
                    break
                weights[n_edges] = number
                at = after
            else:
                while text[at] != delimiter and text[at] != _NEWLINE:
                    if text[at] == _QUOTE or text[at] == _RETURN or (by_blanks and text[at] == _TAB):
                        break
                    at += 1
            column += 1
            begun = at
            while _is_blank(text[at], delimiter):
                at += 1
            if text[at] == _RETURN and text[at + 1] == _NEWLINE:
                at += 1
            if text[at] == _NEWLINE:
                break
            if by_blanks:
                if at == begun:
                    plain = False
                    break
            elif text[at] == delimiter:
                at += 1
                while _is_blank(text[at], delimiter):
                    at += 1
            else:
                plain = False
                break
            if column == n_columns:
                plain = False
                break
        if not plain or column != n_columns:
            return n_edges, n_lines, line
        at += 1
        n_edges += 1
        n_lines += 1
    return n_edges, n_lines, at
