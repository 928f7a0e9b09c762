"""Fixtures of the build tests."""

from pathlib import Path

import pytest

from support.crawl import build, crawl_file
from support.mixed import mixed_inputs


@pytest.fixture(scope="session")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and six WARC files."""
    folder = tmp_path_factory.mktemp("crawl")
    for number in range(6):
        crawl_file(folder / "warc" / f"{number}.warc.gz", number)
    (folder / "recipe.yaml").write_text(
        "name: small\ninputs: [warc]\nfilter: {min_math_score: 0.0}\nshard: {target_bytes: 20_000}\n"
    )
    return folder


@pytest.fixture(scope="session")
def reference(crawl: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """An undisturbed build with one task: its folder and manifest."""
    out = tmp_path_factory.mktemp("reference") / "out"
    return out, build(crawl / "recipe.yaml", out)


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and inputs of every kind: a WARC, JSON lines, Parquet and HTML files."""
    folder = tmp_path_factory.mktemp("mixed")
    mixed_inputs(folder)
    return folder


@pytest.fixture(scope="session")
def mixed_corpus(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """An undisturbed build of it with one task: its folder and manifest."""
    out = tmp_path_factory.mktemp("mixed-out") / "out"
    return out, build(mixed / "recipe.yaml", out)
