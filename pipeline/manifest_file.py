"""What the manifests of this project have in common: one JSON file of a known schema version, and its folder."""

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import PrivateAttr, ValidationError

from pipeline.errors import BadInput
from pipeline.frozen import Frozen


class ManifestFile(Frozen):
    """A manifest, read by `load`. Paths in it are relative to its folder."""

    FILE: ClassVar[str]
    """Its name in a folder."""
    TITLE: ClassVar[str]
    """What it is called: corpus, token or position manifest."""
    VERSION: ClassVar[int] = 1
    """Of its schema, the one that is read and written."""
    MISSING: ClassVar[str]
    """What to do where there is none."""
    AGAIN: ClassVar[str]
    """What to do where it is not valid."""

    _folder: Path | None = PrivateAttr(default=None)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a manifest; `path` is the file or its folder.

        Raises:
            BadInput: there is none, it is not valid, or its schema version is unknown.
        """
        path = Path(path)
        path = path / cls.FILE if path.is_dir() else path
        if not path.is_file():
            raise BadInput(f"{path}: no such {cls.TITLE}; {cls.MISSING}")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise BadInput(f"{path}: not JSON: {error}; {cls.AGAIN}") from error
        version = data.get("schema_version") if isinstance(data, dict) else None
        if version != cls.VERSION:
            raise BadInput(
                f"{path}: schema_version: {version!r} is not known to this mathmill (it reads {cls.VERSION}); "
                f"upgrade mathmill or {cls.AGAIN}"
            )
        try:
            manifest = cls.model_validate(data, strict=False)
        except ValidationError as error:
            problem = error.errors()[0]
            field = ".".join(map(str, problem["loc"]))
            raise BadInput(f"{path}: {field}: {problem['msg']}; {cls.AGAIN}") from error
        manifest._folder = path.parent
        return manifest

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of the file; the one in manifests/schema/ is this."""
        dialect = "https://json-schema.org/draft/2020-12/schema"
        return {"$schema": dialect, **cls.model_json_schema(), "title": f"mathmill {cls.TITLE}"}

    @property
    def folder(self) -> Path:
        """The folder that paths are relative to. Only of a loaded manifest."""
        assert self._folder is not None, "the manifest was not loaded from a file"
        return self._folder
