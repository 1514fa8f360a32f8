"""The reference's configuration in its own words."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.errors import InvalidParams
from vectors.fde.encode import FDEParams
from vectors.fde.reference import reference_params

LEAST: dict[str, Any] = {"dimension": 8, "num_simhash_projections": 3}


def test_its_defaults_are_its_own() -> None:
    expected = FDEParams(num_repetitions=1, k_sim=3, d_proj=None, seed=1, fill_empty=False, mode="reference")
    assert reference_params(**LEAST) == expected


def test_every_field_has_its_place() -> None:
    params = reference_params(
        **LEAST,
        num_repetitions=20,
        seed=7,
        encoding_type="AVERAGE",
        projection_type="AMS_SKETCH",
        projection_dimension=16,
        fill_empty_partitions=True,
        final_projection_dimension=99,
    )
    assert params == FDEParams(
        k_sim=3, d_final=99, seed=7, mode="reference", projection="count_sketch", num_repetitions=20, d_proj=16
    )


def test_the_width_of_a_projection_is_ignored_without_one() -> None:
    assert reference_params(**LEAST, projection_dimension=16).d_proj is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"dimension": 0},
        {"num_simhash_projections": 31},
        {"num_simhash_projections": -1},
        {"num_repetitions": 0},
        {"encoding_type": "MAX"},
        {"projection_type": "DENSE"},
        {"projection_type": "AMS_SKETCH"},
        {"projection_type": "AMS_SKETCH", "projection_dimension": 0},
        {"fill_empty_partitions": True},
        {"final_projection_dimension": 0},
    ],
)
def test_what_it_refuses_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        reference_params(**{**LEAST, **wrong})
