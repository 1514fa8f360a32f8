"""scikit-network's Paris on a stored matrix, in an interpreter that has it.

Run by `benchmarks.bench_hierarchy`; knows nothing of this project. Prints one line of JSON: wall seconds.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import scipy.sparse
from sknetwork.hierarchy import Paris


def main() -> None:
    links = scipy.sparse.csr_matrix(scipy.sparse.load_npz(sys.argv[1]))
    links.indices, links.indptr = links.indices.astype(np.int32), links.indptr.astype(np.int32)
    begun = time.perf_counter()
    Paris(reorder=False).fit_transform(links)
    print(json.dumps({"paris": time.perf_counter() - begun}))


if __name__ == "__main__":
    main()
