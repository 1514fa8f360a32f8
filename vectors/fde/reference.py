"""The C++ reference's configuration in its own words.

Source: google/graph-mining, `sketching/point_cloud/fixed_dimensional_encoding_config.proto`.
"""

from __future__ import annotations

from foundation.errors import InvalidParams
from vectors.fde.params import FDEParams

_MOST_BITS = 30


def reference_params(
    *,
    dimension: int,
    num_simhash_projections: int,
    num_repetitions: int = 1,
    seed: int = 1,
    encoding_type: str = "DEFAULT_SUM",
    projection_type: str = "DEFAULT_IDENTITY",
    projection_dimension: int | None = None,
    fill_empty_partitions: bool = False,
    final_projection_dimension: int | None = None,
) -> FDEParams:
    """Our parameters for the reference's fields, with its names, defaults and refusals.

    Encode with `encode_queries` what it calls DEFAULT_SUM and with `encode_documents` what it calls AVERAGE; their
    parameters may differ in ``fill_empty`` alone. Its generators are not NumPy's: equal seeds do not give its matrices.

    Raises
    ------
    InvalidParams
        Where the reference fails: no dimension, bits outside 0 to 30, a sketch without a width, a query that is to be
        filled, an unknown type.
    """
    if dimension < 1:
        raise InvalidParams(name="dimension", value=dimension, allowed="1 or more")
    if not 0 <= num_simhash_projections <= _MOST_BITS:
        raise InvalidParams(name="num_simhash_projections", value=num_simhash_projections, allowed="0 to 30")
    if encoding_type not in ("DEFAULT_SUM", "AVERAGE"):
        raise InvalidParams(name="encoding_type", value=encoding_type, allowed="DEFAULT_SUM, AVERAGE")
    if encoding_type == "DEFAULT_SUM" and fill_empty_partitions:
        allowed = "false with encoding_type = DEFAULT_SUM: queries are never filled"
        raise InvalidParams(name="fill_empty_partitions", value=True, allowed=allowed)
    if projection_type not in ("DEFAULT_IDENTITY", "AMS_SKETCH"):
        raise InvalidParams(name="projection_type", value=projection_type, allowed="DEFAULT_IDENTITY, AMS_SKETCH")
    sketched = projection_type == "AMS_SKETCH"
    if sketched and (projection_dimension is None or projection_dimension < 1):
        allowed = "1 or more with projection_type = AMS_SKETCH"
        raise InvalidParams(name="projection_dimension", value=projection_dimension, allowed=allowed)
    return FDEParams(
        num_repetitions=num_repetitions,
        k_sim=num_simhash_projections,
        d_proj=projection_dimension if sketched else None,
        d_final=final_projection_dimension,
        seed=seed,
        fill_empty=fill_empty_partitions,
        mode="reference",
        projection="count_sketch" if sketched else "dense",
    )
