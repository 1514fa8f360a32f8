"""A stage whose partitions fail as the disk makes them fail; importable by name, as a worker needs it."""

from __future__ import annotations

import errno
import os

from artifacts.artifact import ArtifactWriter
from artifacts.parts import Part
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Stage


def split(job: Job) -> list[list[Range]]:
    return [[(0, 1), (1, 2)]]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    number = getattr(errno, job.params["refusal"])
    raise OSError(number, os.strerror(number))


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    raise AssertionError("no partition is ever finished")


STAGE = Stage(
    kind="refused",
    kind_version=1,
    code_version=1,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=lambda sizes, params: Estimate(0, 0, 0.0),
)
