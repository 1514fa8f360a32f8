"""Every key a config may hold is on the page, with its default."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from artifacts.retention import RetentionParams
from clustering.communities import CommunityParams
from clustering.global_communities import GlobalParams
from flows.gate import GateParams
from flows.runtime import Runtime
from flows.settings import read_config
from graph.edge_list import ReadParams
from graph.fastrp import FastRPParams
from graph.features import FeatureParams
from graph.powerwalk import PowerWalkParams, QueryParams
from vectors.ann.index import ANNParams
from vectors.coded.params import CodedParams
from vectors.corpus.read import CorpusParams
from vectors.encoders.encoder import EncoderParams
from vectors.fde.encode import FDEParams
from vectors.lexical.params import LexicalParams
from vectors.pacmap import PaCMAPParams
from vectors.retriever import RetrieverParams
from vectors.spann.params import SpannParams
from vectors.tokens.storage import TokenStorageParams

ROOT = Path(__file__).parents[2]
TABLES = {
    "[graph]": (ReadParams,),
    "[corpus]": (CorpusParams,),
    "[corpus.encoder]": (EncoderParams,),
    "[corpus.tokens]": (TokenStorageParams,),
    "[fastrp]": (FastRPParams, FeatureParams),
    "[powerwalk]": (PowerWalkParams, QueryParams),
    "[communities]": (CommunityParams,),
    "[labels]": (GlobalParams,),
    "[muvera]": (FDEParams, RetrieverParams),
    "[lexical]": (LexicalParams,),
    "[ann.nodes] and [ann.documents]": (ANNParams,),
    "[ann.nodes] and [ann.documents] on disk": (SpannParams,),
    "[ann.documents] of codes": (CodedParams,),
    "[map]": (PaCMAPParams,),
    "[runtime]": (Runtime,),
    "[gate]": (GateParams,),
    "[retention]": (RetentionParams,),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_and_default_is_on_the_page(table: str) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    section = page.split(f"\n## {table}\n")[1].split("\n## ")[0]
    shown = dict(re.findall(r"(?m)^\| `(\w+)` \| ([^|]*) \| .+ \|$", section))
    wanted = {
        field.name: "" if field.default is None else f"`{json.dumps(field.default, ensure_ascii=False)}`"
        for cls in TABLES[table]
        for field in dataclasses.fields(cls)
    }
    assert {name: default.strip() for name, default in shown.items()} == wanted


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.toml")), ids=lambda path: path.name)
def test_every_example_can_be_read(path: Path) -> None:
    assert read_config(path).name
