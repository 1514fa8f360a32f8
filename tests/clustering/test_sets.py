"""Families of sets in CSR form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from clustering.sets import Sets, canonical, from_lists
from foundation.errors import InvalidInput
from tests.clustering.strategies import as_csr, set_families


@settings(max_examples=80)
@given(families=set_families())
def test_canonical_sets_are_ascending_without_repeats(families: list[list[int]]) -> None:
    ordered = canonical(Sets(*as_csr(families)))
    found = [ordered.indices[a:b].tolist() for a, b in zip(ordered.indptr[:-1], ordered.indptr[1:], strict=True)]
    assert found == [sorted(set(members)) for members in families]
    assert canonical(ordered) is ordered


def test_python_sets_become_a_family() -> None:
    sets = from_lists([{3}, set(), {1}])
    assert sets.indptr.tolist() == [0, 1, 1, 2]
    assert sets.indices.tolist() == [3, 1]


@pytest.mark.parametrize("element", [2**63, -(2**64), 1.5, "a"])
def test_what_is_no_integer_of_64_bits_is_refused(element: Any) -> None:
    with pytest.raises(InvalidInput, match="pass integers"):
        from_lists([[1], [element]])
