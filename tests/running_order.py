"""The order in which files of tests are taken: the longest first, so that no process is left alone with one at the end.

The first compile in a fresh clone what most others need, one kernel at a time in one process (see `compiled_once`):
processes that tests start, such as workers, do not wait for one another, and shall find it made. Files that mostly
wait, for schedules and servers, stand between files that compute.
"""

from __future__ import annotations

# Half a minute and more on two cores with cold caches.
LONGEST = (
    "tests/test_debian.py",
    "tests/vectors/fde/test_encode.py",
    "tests/flows/test_builds.py",
    "tests/flows/test_deployments.py",  # waits
    "tests/vectors/fde/test_vectors.py",
    "tests/flows/test_nightly.py",  # waits
    "tests/serving/test_soak.py",  # waits
    "tests/flows/test_incremental.py",
    "tests/flows/test_cluster.py",
    "tests/serving/test_reloads.py",
    "tests/faults/test_sample.py",
    "tests/flows/test_prefect.py",
    "tests/serving/test_page.py",
    "tests/vectors/fde/test_sparse.py",
    "tests/flows/stages/test_fastrp_powers.py",
    "tests/flows/stages/test_ann_documents.py",
    "tests/flows/stages/test_powerwalk.py",
    "tests/serving/test_fuzz.py",
    "tests/vectors/spann/test_files.py",
    "tests/flows/stages/test_lexical.py",
    "tests/flows/stages/test_graph.py",
    "tests/flows/test_report.py",
    "tests/graph/test_fastrp.py",
    "tests/vectors/coded/test_index.py",
    "tests/vectors/ann/test_auto.py",
    "tests/vectors/test_fidelity.py",
    "tests/foundation/test_rows.py",
)
_PLACES = {file: place for place, file in enumerate(LONGEST)}


def place(file: str) -> int:
    """Where a file stands, by its path from the root; those that are not named come after, as they were collected."""
    return _PLACES.get(file, len(LONGEST))
