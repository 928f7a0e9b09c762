"""Fixtures of the build tests."""

from pathlib import Path

import pytest

from support.crawl import build, crawl_file


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
