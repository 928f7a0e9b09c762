"""Fixtures of the annotation tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]


@pytest.fixture
def documents(tmp_path: Path) -> Write:
    """Writes documents as JSON lines: `documents("name", {"text": …}, …)`; id, date and url are theirs to give."""

    def write(name: str, *rows: dict[str, Any]) -> Path:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write
