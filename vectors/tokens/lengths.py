"""Lengths of token vectors: counted where they are not 1, and scaled or refused as asked."""

from __future__ import annotations

from typing import Literal

import numpy as np

from foundation.errors import InvalidInput, InvalidParams
from vectors.kernels.scoring import divide_rows, squared_norms
from vectors.tokens.multivector import MultiVectors, readonly

Unnormalised = Literal["keep", "normalize", "refuse"]

TOLERANCE = 1e-3  # of a length: what float16 and a model's own rounding leave


def with_lengths(sets: MultiVectors, unnormalised: Unnormalised = "keep") -> tuple[MultiVectors, int]:
    """``sets``, their vectors scaled to length 1 if asked for, and how many tokens had another length.

    Vectors within `TOLERANCE` of 1 stay as they are; zeros have no direction, count, and stay zero.

    Raises
    ------
    InvalidInput
        When a value is not finite; with "refuse", when a token's length is not 1.
    InvalidParams
        When ``unnormalised`` is none of the three.
    """
    if unnormalised not in ("keep", "normalize", "refuse"):
        raise InvalidParams(name="unnormalised", value=unnormalised, allowed="'keep', 'normalize' or 'refuse'")
    squared = np.empty(sets.vectors.shape[0], dtype=np.float64)
    squared_norms(readonly(sets.vectors), squared)
    if not np.isfinite(squared).all():
        raise InvalidInput(source="token vectors", what="a NaN or infinite value", fix="pass finite vectors")
    is_off = np.abs(np.sqrt(squared) - 1.0) > TOLERANCE
    of_tokens = is_off if sets.codes is None else is_off[sets.codes]
    n_off = int(np.count_nonzero(of_tokens))
    if n_off and unnormalised == "refuse":
        token = int(np.argmax(of_tokens))
        row = token if sets.codes is None else int(sets.codes[token])
        doc = int(np.searchsorted(sets.offsets, token, side="right")) - 1
        what = f"{n_off} vectors do not have length 1, the first is {np.sqrt(squared[row]):.4g} long, in document {doc}"
        raise InvalidInput(source="token vectors", what=what, fix="normalise them, or keep their lengths as weights")
    if not n_off or unnormalised == "keep":
        return sets, n_off
    scaled = np.array(sets.vectors)
    off = scaled[is_off]
    divide_rows(off, squared[is_off])
    scaled[is_off] = off
    return MultiVectors(vectors=scaled, offsets=sets.offsets, codes=sets.codes), n_off
