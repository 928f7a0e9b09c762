"""Fixtures shared by all rooms."""

import os
from pathlib import Path

import pytest

from support.hub import hub  # noqa: F401 - a fixture
from support.s3 import faulty_s3, moto, s3  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The unpacked folder of real pages, WARCs and texts; tests on it skip where it is absent."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mathmill-data"
    folder = Path(os.environ.get("MATHMILL_DATA", default))
    if not (folder / ".stamp").exists():
        pytest.skip("the real pages are not on this machine (set MATHMILL_DATA to their folder)")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-golden", action="store_true", help="Record the outputs of the stages (test_golden.py).")
