"""The served version of an index as documents are added to it: what it has, and stages made beside it.

Parameters are those in the manifests of the base's artifacts, not of a config that may have changed since.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, final

from artifacts import additions, segments
from artifacts.additions import open_additions
from artifacts.corpus import corpus_params, open_corpus
from artifacts.manifest import Manifest
from artifacts.multivector import open_query_encoder
from artifacts.publish import Release, artifact_path
from artifacts.segments import Segments, n_segments_of, part_stage
from artifacts.store import Store
from flows.plan import stage_digest
from flows.runtime import Runtime
from flows.sources import Sources
from flows.stages import corpus, muvera, term_counts, tokens
from flows.stages.program import program_digest
from flows.stages.runner import run_stage
from flows.stages.stage import Order, Stage
from foundation.errors import ArtifactVersion, InvalidInput, NotBuilt
from foundation.progress import Progress, Silent
from vectors.corpus.changes import Changes
from vectors.corpus.read import Corpus, CorpusParams
from vectors.grown.rows import GrownRows, live_rows

_MADE_BY = {"corpus": corpus.STAGE, "tokens": tokens.STAGE, "muvera": muvera.STAGE}


@final
class Growing:
    """A release whose documents change. ``stages`` are the artifacts of the version to come, by stage."""

    def __init__(
        self, store: Store, release: Release, client: Callable[[], Any], progress: Progress | None = None
    ) -> None:
        if "corpus" not in release.stages:
            raise NotBuilt(index=release.index, question="documents", table="corpus", questions=())
        self.store, self.release = store, release
        self.sources = Sources()
        self.stages: dict[str, str] = {
            name: artifact for name, artifact in release.stages.items() if not segments.is_grown_stage(name)
        }
        self._client = client
        self._progress = progress or Silent()
        self.sound = frozenset(release.stages.values())  # checked when they were published
        self._sound = set(self.sound)

    @cached_property
    def params(self) -> CorpusParams:
        """How the base's documents were read."""
        return corpus_params(self.manifest("corpus").params)

    @cached_property
    def corpora(self) -> list[Corpus]:
        """The base's documents, then those of each segment."""
        names = [part_stage(part, "corpus") for part in range(n_segments_of(self.release.stages) + 1)]
        return [open_corpus(artifact_path(self.store, self.release, name)) for name in names]

    @cached_property
    def rows(self) -> GrownRows:
        """Which documents there are."""
        if segments.STAGE not in self.release.stages:
            return live_rows([self.corpora[0].ids], ())
        path = artifact_path(self.store, self.release, segments.STAGE)
        return Segments(path).rows([part.n_docs for part in self.corpora])

    @cached_property
    def changes(self) -> Changes:
        """What was added and removed before."""
        if additions.STAGE not in self.release.stages:
            return Changes()
        return open_additions(artifact_path(self.store, self.release, additions.STAGE), self.params)

    def manifest(self, stage: str) -> Manifest:
        """What an artifact of the version to come says of itself."""
        return self.store.manifest(self.stages[stage])

    def check_code(self) -> None:
        """Make sure that documents are encoded as those of the base were.

        Raises
        ------
        ArtifactVersion, ArtifactCorrupt, InvalidInput
            The program is another than built the base; files of the encoder changed; or vectors lie in a file.
        """
        for name, stage in _MADE_BY.items():
            if name in self.stages:
                made = self.manifest(name)
                if (made.kind_version, made.code_version) != (stage.kind_version, stage.code_version):
                    path = f"{self.release.index}@{self.release.version}, stage {name}"
                    raise ArtifactVersion(path=path, found=made.code_version, readable=(stage.code_version,))
        if "tokens" not in self.stages:
            return
        encoder = self.manifest("tokens").params["encoder"]
        if encoder["kind"] != "precomputed":
            open_query_encoder(self.store.bring(self.stages["tokens"]))
        elif encoder["path"] is not None:
            what = "the documents' vectors are rows of this file, which has none for others"
            raise InvalidInput(source=encoder["path"], what=what, fix="add to both files and build again")

    def make(
        self,
        name: str,
        stage: Stage,
        params: Mapping[str, Any],
        inputs: Mapping[str, str] | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        """Make one artifact of the version to come, unless the store has it. ``inputs`` name stages of that version."""
        read = {role: self.stages[other] for role, other in (inputs or {}).items()}
        digests = {role: self.store.manifest(artifact).digest for role, artifact in read.items()}
        digests |= {role: self.sources.fingerprint(source) for role, source in (sources or {}).items()}
        defaults = Runtime()
        order = Order(
            name=name,
            stage=stage,
            digest=stage_digest(stage, params, digests),
            store=self.store.address,
            inputs=read,
            sources=dict(sources or {}),
            params=dict(params),
            part_nodes=defaults.part_nodes,
            part_docs=defaults.part_docs,
            program=program_digest(),
        )
        made = run_stage(order, digests, self.store, self._client, self._progress, sound=self._sound)
        self.stages[name] = made.artifact

    def count_base(self) -> None:
        """Count the words of the base's documents, which a build has no use for; once for every base."""
        if "lexical" in self.stages:
            self.make(segments.COUNTS, term_counts.STAGE, self.manifest("lexical").params, {"corpus": "corpus"})

    def own_kinds(self) -> dict[str, str]:
        """Kind of each field of the base's documents."""
        return {name: column.kind for name, column in self.corpora[0].fields.items()}

    def strict(self) -> CorpusParams:
        """How documents that are added are read: JSON lines, every one of them good."""
        return dataclasses.replace(self.params, format="jsonl", on_error="stop")
