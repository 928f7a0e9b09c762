"""Fixtures of the training tests."""

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans and the record of verified shards go to a folder of the test's own."""
    monkeypatch.setenv("MATHMILL_CACHE", str(tmp_path_factory.mktemp("cache")))
