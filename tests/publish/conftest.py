"""Corpora to publish: one, and a newer one of the same name with other shards."""

import shutil
from pathlib import Path

import pytest

from support.crawl import build, crawl_file


@pytest.fixture(scope="session")
def corpora(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("corpora")
    crawl_file(folder / "0.warc.gz", 0)
    recipe = "name: small\ninputs: [0.warc.gz]\nfilter: {min_math_score: 0.0}\nshard: {target_bytes: 4_000}\n"
    (folder / "recipe.yaml").write_text(recipe)
    build(folder / "recipe.yaml", folder / "first")
    shutil.copytree(folder / "first", folder / "second")
    build(folder / "recipe.yaml", folder / "second", 1, "--set", "shard.target_bytes=8000")
    return folder / "first", folder / "second"


@pytest.fixture
def corpus(corpora) -> Path:
    return corpora[0]


@pytest.fixture
def newer(corpora) -> Path:
    return corpora[1]
