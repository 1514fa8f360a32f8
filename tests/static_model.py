"""A static encoder of a few words, in the layout of a user's own model directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.numpy
from tokenizers import Tokenizer, models, pre_tokenizers


def write_static_model(folder: Path, words: Sequence[str], *, dim: int, faint: str, zero: str) -> Path:
    """``words`` and one unknown token; the row of ``faint`` is short, that of ``zero`` is zero."""
    folder.mkdir(exist_ok=True)
    known = ["[UNK]", *words]
    tokenizer = Tokenizer(models.WordLevel({word: id for id, word in enumerate(known)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    rows = np.random.default_rng(3).normal(size=(len(known), dim)).astype(np.float32)
    rows[known.index(faint)] *= 0.01
    rows[known.index(zero)] = 0.0
    safetensors.numpy.save_file({"embeddings": rows}, folder / "model.safetensors")
    return folder
