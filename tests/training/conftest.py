"""Fixtures of the training tests."""

from pathlib import Path

import pytest

from support.tokens import write_corpus


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans and the record of verified shards go to a folder of the test's own."""
    monkeypatch.setenv("MATHMILL_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished corpus of 60 documents in two shards."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "lessons", 60)
