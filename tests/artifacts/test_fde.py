"""Document encodings on disk."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from artifacts.artifact import ArtifactWriter
from artifacts.directory import Directory
from artifacts.fde import DTYPE, KIND, VERSION, open_fde_params
from vectors.fde.encode import FDEParams


def written(aside: Path, params: dict[str, object]) -> Path:
    writer = ArtifactWriter(aside / "work")
    writer.array("fde", np.zeros((1, 4), dtype=DTYPE))
    writer.publish(
        Directory(aside / "store"),
        "fde",
        kind=KIND,
        kind_version=VERSION,
        stage="muvera",
        code_version=1,
        digest="0",
        params=params,
        inputs={},
        stats={},
        measured={},
    )
    return aside / "store" / "fde"


def test_encodings_know_what_made_them(tmp_path: Path) -> None:
    params = FDEParams(num_repetitions=3, mode="gaussian+structured")
    assert open_fde_params(written(tmp_path, dataclasses.asdict(params))) == params


def test_encodings_from_before_there_were_modes_are_the_reference_s(tmp_path: Path) -> None:
    params = FDEParams(num_repetitions=3, mode="reference")
    before = {name: value for name, value in dataclasses.asdict(params).items() if name != "mode"}
    assert open_fde_params(written(tmp_path, before)) == params
