"""Progress is an object passed in; the default does nothing, and nothing below the flows prints."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Progress(ABC):
    """Told how much there is, then of each piece done."""

    @abstractmethod
    def init(self, label: str, total: int) -> None:
        """A piece of work named ``label`` with ``total`` steps begins."""

    @abstractmethod
    def step(self, done: int = 1) -> None:
        """``done`` more steps are finished."""

    @abstractmethod
    def close(self) -> None:
        """The piece of work has ended, well or not."""


class Silent(Progress):
    """Says nothing."""

    def init(self, label: str, total: int) -> None:
        pass

    def step(self, done: int = 1) -> None:
        pass

    def close(self) -> None:
        pass
