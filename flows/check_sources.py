"""Sources held to their configuration before anything is built: by their names, headers and first lines."""

from __future__ import annotations

from collections.abc import Collection

from flows.settings import Config
from graph.edge_list import check_edges
from graph.features import estimate_features
from vectors.corpus.beginning import check_beginning


def check_sources(config: Config, stages: Collection[str], *, changed: bool = False) -> list[str]:
    """Look at the beginning of what the named stages read.

    ``changed`` says that documents were added or removed since: the file alone does not tell what the corpus lacks.

    Returns
    -------
    What may be wrong, which only reading all of it would tell.

    Raises
    ------
    InvalidInput, InvalidParams
        As the stage would: a column or field that is not there, a line that cannot be read, a format that is another.
    """
    if config.graph is not None and "graph" in stages:
        check_edges(config.graph.source, config.graph.params)
    if config.fastrp is not None and config.fastrp.features is not None and "features" in stages:
        estimate_features(config.fastrp.features.source, config.fastrp.features.params)
    if config.corpus is not None and "corpus" in stages and not changed:
        return check_beginning(config.corpus.source, config.corpus.params)
    return []
