"""Everything that decides medoids: equal params on equal dissimilarities give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from foundation.errors import InvalidParams

Init = Literal["random", "build", "lab"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MedoidParams:
    """Of FasterPAM and FastPAM1.

    ``init`` chooses the first medoids (see `clustering.medoids.starts`), ``max_iter`` limits passes over the objects
    (FasterPAM) or swaps (FastPAM1).
    """

    n_medoids: int
    init: Init = "random"
    max_iter: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        _check_count("n_medoids", self.n_medoids)
        _check_count("max_iter", self.max_iter)
        _check_seed(self.seed)
        if self.init not in get_args(Init):
            raise InvalidParams(name="init", value=self.init, allowed=", ".join(get_args(Init)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaraParams:
    """Of FastCLARA: FasterPAM on ``n_samples`` samples of ``sample_size`` objects (None: 80 + 40 k, all at most)."""

    n_medoids: int
    n_samples: int = 5
    sample_size: int | None = None
    init: Init = "random"
    max_iter: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        self.medoid_params()
        _check_count("n_samples", self.n_samples)
        if self.sample_size is not None:
            _check_count("sample_size", self.sample_size)
            if self.sample_size < self.n_medoids:
                allowed = f"n_medoids = {self.n_medoids} or more"
                raise InvalidParams(name="sample_size", value=self.sample_size, allowed=allowed)

    def medoid_params(self) -> MedoidParams:
        """Of the samples."""
        return MedoidParams(n_medoids=self.n_medoids, init=self.init, max_iter=self.max_iter, seed=self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaransParams:
    """Of FastCLARANS: ``n_starts`` descents, each ended by a share ``patience`` of the objects drawn without a gain."""

    n_medoids: int
    n_starts: int = 2
    patience: float = 0.025
    seed: int = 0

    def __post_init__(self) -> None:
        _check_count("n_medoids", self.n_medoids)
        _check_count("n_starts", self.n_starts)
        _check_seed(self.seed)
        if not 0 < self.patience <= 1:
            raise InvalidParams(name="patience", value=self.patience, allowed="a share in (0, 1]")


def check_fits(n_medoids: int, n_objects: int) -> None:
    """Raise InvalidParams when there are fewer objects than medoids."""
    if n_medoids > n_objects:
        raise InvalidParams(name="n_medoids", value=n_medoids, allowed=f"at most the {n_objects} objects")


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidParams(name=name, value=value, allowed="an integer, 1 or more")


def _check_seed(seed: object) -> None:
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise InvalidParams(name="seed", value=seed, allowed="an integer")
