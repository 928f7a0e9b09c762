"""Fixtures of the report's tests."""

from functools import partial
from pathlib import Path

import pytest
from report.corpus_writer import MakeCorpus, write_corpus


@pytest.fixture
def make_corpus(tmp_path: Path) -> MakeCorpus:
    """`write_corpus` into the test's folder."""
    return partial(write_corpus, tmp_path)
