"""A judged collection in BEIR's layout: a folder of ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv``."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, final

from foundation.errors import InvalidInput
from foundation.sources import SUFFIXES
from vectors.corpus.read import Corpus, CorpusParams, read_corpus
from vectors.judged.qrels import Qrels, read_qrels
from vectors.judged.queries import read_queries


@final
class Collection(NamedTuple):
    """Documents in the order of their ids, the text of each judged query, and the judgements."""

    corpus: Corpus
    queries: dict[str, str]
    qrels: Qrels


def read_collection(folder: Path, *, split: str = "test", params: CorpusParams | None = None) -> Collection:
    """Read a folder; each file may be compressed. Queries without a judgement are left out.

    Raises
    ------
    InvalidInput
        When a file is absent, as its reader does, or as `read_judged`.
    """
    qrels, queries = read_judged(_file(folder / "qrels" / f"{split}.tsv"), _file(folder / "queries.jsonl"))
    corpus = read_corpus(_file(folder / "corpus.jsonl"), params or CorpusParams())
    return Collection(corpus, queries, qrels)


def read_judged(qrels_source: str | Path, queries_source: str | Path) -> tuple[Qrels, dict[str, str]]:
    """Judgements, and the text of each judged query, in the order of the judgements.

    Raises
    ------
    InvalidInput
        As the readers do, or when a judged query has no text: to leave it out would flatter or slander without a word.
    """
    qrels, queries = read_qrels(qrels_source), read_queries(queries_source)
    if missing := [query for query in qrels if query not in queries]:
        what = f"{len(missing)} queries judged in {qrels_source} have no text here, the first is {missing[0]!r}"
        raise InvalidInput(source=str(queries_source), what=what, fix="use files that belong together")
    return qrels, {query: queries[query] for query in qrels}


def _file(path: Path) -> Path:
    """The path, or the one with an ending of compression that is there."""
    candidates = [path, *(path.with_name(path.name + suffix) for suffix in SUFFIXES)]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        endings = ", ".join(SUFFIXES)
        raise InvalidInput(source=str(path), what="no such file", fix=f"name a BEIR folder; {endings} are seen through")
    return found
