"""Plot docs/img/muvera.png: recall of exact MaxSim's top 10 against the number of candidates.

Run: python benchmarks/plots/muvera.py  (data/debian and wordllama; about a minute)
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np

from benchmarks.debian_tokens import debian
from vectors.encoders.encoder import EncoderParams
from vectors.evaluation import candidate_recall
from vectors.fde.encode import FDEParams, encode_documents, encode_queries
from vectors.tokens.maxsim import exact_top, maxsim
from vectors.tokens.multivector import MultiVectors

mpl.use("agg")
import matplotlib.pyplot as plt

N_CANDIDATES = (10, 20, 50, 100, 200, 500, 1000, 2000, 4000)
ENCODINGS = {
    "(10, 6, 16) → 1,024 + 64, not filled": FDEParams(
        num_repetitions=10, k_sim=6, d_final=1024, d_whole=64, fill_empty=False
    ),
    "(20, 5, 16) → 256 + 64, not filled": FDEParams(d_final=256, d_whole=64, fill_empty=False),
    "(20, 5, 16) → 1,024 + 64": FDEParams(d_final=1024, d_whole=64),
    "(20, 5, 16) → 1,088, whole text hashed": FDEParams(d_final=1088),
}


def recalls(documents: MultiVectors, queries: MultiVectors, kth: np.ndarray, params: FDEParams) -> list[float]:
    scores = encode_queries(queries, params) @ encode_documents(documents, params).T
    order = np.argsort(-scores, axis=1, kind="stable")[:, : N_CANDIDATES[-1]]
    reranked = maxsim(queries, documents, order)
    return [candidate_recall(reranked[:, :n], kth, 10) for n in N_CANDIDATES]


def main() -> None:
    figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
    for max_tokens, style in ((96, "-"), (100_000, ":")):
        documents, queries = debian(EncoderParams(dim=64, max_tokens=max_tokens), with_title=False)
        _, best = exact_top(queries, documents, 10)
        for number, (label, params) in enumerate(ENCODINGS.items()):
            if max_tokens > 96 and number > 0:
                break
            text = label if max_tokens == 96 else f"{label}; documents of any length"
            curve = recalls(documents, queries, best[:, -1], params)
            axis.plot(N_CANDIDATES, curve, style, color=f"C{number}", marker=".", label=text)
    axis.set(
        xscale="log", xlabel="candidates reranked, of 63,436", ylabel="recall of exact MaxSim's top 10", ylim=(0, 1)
    )
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7, loc="lower right")
    figure.savefig("docs/img/muvera.png", dpi=90)


if __name__ == "__main__":
    main()
