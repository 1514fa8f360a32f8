"""Token vectors from a transformer in ONNX, run by onnxruntime.

Texts run one at a time, unpadded, on one core each. Padding and company would change the bits of a vector (an int8
model scales its activations by the largest value in the batch), and on a CPU a batch gains little: docs/encoders.md.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from foundation.errors import InvalidInput, MissingExtra
from foundation.threads import even_ranges, run_ranges
from vectors.corpus.types import Corpus
from vectors.encoders.encoded import Encoded, left_out
from vectors.encoders.encoder import Encoder, EncoderParams
from vectors.encoders.rows import Float32s, cut_columns, read_model_file, sha256, unit_rows
from vectors.encoders.tokens import Framed, TextTokenizer
from vectors.tokens.multivector import MultiVectors

_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@final
class OnnxEncoder(Encoder):
    """One vector per token of the text; those of special tokens only when asked for."""

    def __init__(self, path: Path, tokenizer: TextTokenizer, params: EncoderParams, n_threads: int) -> None:
        import onnxruntime

        self._source = str(path)
        self._params = params
        self._n_threads = n_threads
        self._tokenizer = tokenizer
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 3  # errors reach the caller as exceptions; warnings are not for users
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base but this
            what = f"this is no ONNX model that runs here ({_one_line(error)})"
            raise self._invalid(what, "export it again") from error
        self._inputs = {input.name: input.type for input in self._session.get_inputs()}
        strange = sorted(set(self._inputs) - set(_KNOWN_INPUTS))
        if strange or "input_ids" not in self._inputs:
            what = f"the model wants the inputs {', '.join(self._inputs)}"
            raise self._invalid(what, f"export it with {', '.join(_KNOWN_INPUTS)} alone")
        self._output = self._find_output()
        self._sha256 = _model_sha256(path)
        self._version: str = onnxruntime.__version__
        self._dim = cut_columns(self._run([0]), params.dim, source=self._source).shape[1]

    @property
    def dim(self) -> int:
        return int(self._dim)

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "kind": "onnx",
            "model": Path(self._source).name,
            "model_sha256": self._sha256,
            "tokenizer_sha256": self._tokenizer.sha256,
            "onnxruntime": self._version,
            "tokenizers": self._tokenizer.version,
            "output": self._output,
            "special_tokens": self._params.special_tokens,
            "dim": self._dim,
            "normalize": self._params.normalize is not False,
            "max_tokens": self._params.max_tokens,
            "max_query_tokens": self._params.max_query_tokens,
        }

    def encode_documents(self, texts: Sequence[str]) -> Encoded:
        return self._encode(texts, self._params.max_tokens)

    def encode_queries(self, texts: Sequence[str]) -> Encoded:
        return self._encode(texts, self._params.max_query_tokens)

    def encode_corpus(self, corpus: Corpus, start: int, stop: int) -> Encoded:
        return self.encode_documents(corpus.texts(start, stop))

    def spellings(self, texts: Sequence[str], *, queries: bool) -> Sequence[Sequence[str | None]] | None:
        limit = self._params.max_query_tokens if queries else self._params.max_tokens
        framed = [self._tokenizer.framed(text, limit) for text in texts]
        return [
            [
                written
                for written, special in zip(self._tokenizer.spans(text, one), one.special, strict=True)
                if self._params.special_tokens or not special
            ]
            for text, one in zip(texts, framed, strict=True)
        ]

    def _encode(self, texts: Sequence[str], limit: int) -> Encoded:
        framed = [self._tokenizer.framed(text, limit) for text in texts]
        rows: list[Float32s] = [np.zeros((0, self._dim), dtype=np.float32)] * len(framed)

        def work(start: int, stop: int) -> None:
            for text in range(start, stop):
                if framed[text].ids:
                    rows[text] = self._rows(framed[text])

        run_ranges(work, even_ranges(len(framed), 1), self._n_threads)
        vectors = MultiVectors.from_list(rows, dim=self._dim)
        return Encoded(
            vectors=vectors,
            left_out=left_out(
                len(framed),
                unknown=[text.n_unknown for text in framed],
                dropped=[text.n_dropped for text in framed],
            ),
        )

    def _rows(self, framed: Framed) -> Float32s:
        hidden = self._run(framed.ids)
        if not self._params.special_tokens:
            hidden = hidden[~np.array(framed.special, dtype=np.bool_)]
        rows = np.ascontiguousarray(hidden[:, : self._dim], dtype=np.float32)
        if not np.isfinite(rows).all():
            raise self._invalid("the model's output is not finite", "check the export of the model")
        return rows if self._params.normalize is False else unit_rows(rows)

    def _run(self, ids: list[int]) -> Float32s:
        """The model's output for one text, (n_tokens, width)."""
        values = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": [0] * len(ids)}
        feed = {
            name: np.array([values[name]], dtype=np.int32 if kind == "tensor(int32)" else np.int64)
            for name, kind in self._inputs.items()
        }
        try:
            output = self._session.run([self._output], feed)[0]
        except Exception as error:  # onnxruntime's exceptions have no common base but this
            what = f"the model cannot run on {len(ids)} tokens ({_one_line(error)})"
            raise self._invalid(what, "lower max_tokens to what the model was made for") from error
        if output.ndim != 3 or output.shape[:2] != (1, len(ids)):
            what = f"the output {self._output!r} has shape {list(output.shape)} for one text of {len(ids)} tokens"
            raise self._invalid(what, "name the output that has a vector per token")
        rows: Float32s = output[0].astype(np.float32, copy=False)
        return rows

    def _find_output(self) -> str:
        outputs = self._session.get_outputs()
        listed = ", ".join(f"{output.name} {output.type}{output.shape}" for output in outputs)
        wanted = self._params.output
        for output in outputs:
            is_float = output.type in ("tensor(float)", "tensor(float16)", "tensor(double)")
            if is_float and (output.name == wanted if wanted is not None else len(output.shape) == 3):
                return str(output.name)
        missing = "no float output of rank 3" if wanted is None else f"no float output {wanted!r}"
        raise self._invalid(f"the model has {missing}, but {listed}", "name one that has a vector per token")

    def _invalid(self, what: str, fix: str) -> InvalidInput:
        return InvalidInput(source=self._source, what=what, fix=fix)


def open_onnx(params: EncoderParams, n_threads: int) -> OnnxEncoder:
    """Open the model ``params.path``; raises as `open_encoder`."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingExtra(feature="an encoder of kind 'onnx'", package="onnxruntime", extra="onnx")
    path = Path(str(params.path))
    if not path.is_file():
        raise InvalidInput(source=str(path), what="the model is not there", fix="check the path")
    beside = path.parent / "tokenizer.json"
    tokenizer = TextTokenizer(beside if params.tokenizer is None else Path(params.tokenizer))
    return OnnxEncoder(path, tokenizer, params, n_threads)


def _model_sha256(path: Path) -> str:
    """Of the model and, for large models, of the file with its weights beside it."""
    parts = [path, path.with_name(f"{path.name}_data"), path.with_name(f"{path.name}.data")]
    return "+".join(sha256(read_model_file(part, role="model")) for part in parts if part.is_file())


def _one_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
