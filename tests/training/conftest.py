"""Fixtures of the training tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.ranks import two_ranks
from support.tokens import write_corpus

if TYPE_CHECKING:
    from training.world import World

__all__ = ["two_ranks"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans and the record of verified shards go to a folder of the test's own."""
    monkeypatch.setenv("MATHMILL_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished corpus of 60 documents in two shards."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "lessons", 60)


@pytest.fixture(scope="session")
def world() -> Iterator["World"]:
    """This process as a group of one."""
    import torch

    from training.world import join_world

    torch.set_num_threads(1)
    with join_world() as joined:
        yield joined
