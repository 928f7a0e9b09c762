"""A Hub whose objects come by Xet: the real client cuts, deduplicates and stores them in a folder (`local://`)."""

import os
import shutil
import struct
import tempfile
import time
from pathlib import Path

import hf_xet
from aiohttp import web

from support.hub import API, FakeHub


class XetHub(FakeHub):
    """As FakeHub; what a commit names is looked for in the folder `store` too."""

    def __init__(self, store: Path) -> None:
        super().__init__()
        self._store = store
        store.mkdir()

    def app(self) -> web.Application:
        app = super().app()
        for right in ("read", "write"):
            app.router.add_get(f"{API}/xet-{right}-token/{{revision}}", self._answering(self._xet_token))
        return app

    def find_object(self, oid: str, size: int) -> bytes | None:
        data = super().find_object(oid, size)
        if data is None and (name := _stored(self._store).get(oid)) is not None:
            data = self._objects[oid] = self._fetch(name, size)
        return data

    async def _xet_token(self, request: web.Request) -> web.Response:
        self._find(request)
        token = {"casUrl": f"local://{self._store}", "accessToken": "token", "exp": int(time.time()) + 3600}
        names = {"casUrl": "X-Xet-Cas-Url", "accessToken": "X-Xet-Access-Token", "exp": "X-Xet-Token-Expiration"}
        return web.json_response(token, headers={names[key]: str(value) for key, value in token.items()})

    def _fetch(self, name: str, size: int) -> bytes:
        """A file by its Xet hash, out of a copy: a client that lives has locked the data base."""
        with tempfile.TemporaryDirectory(dir=self._store.parent) as folder:

            def copy(source: str, target: str) -> None:
                (shutil.copyfile if source.endswith(".redb") else os.link)(source, target)

            shutil.copytree(self._store, f"{folder}/store", copy_function=copy)
            with hf_xet.XetSession().new_file_download_group(
                endpoint=f"local://{folder}/store", token="token", token_expiry_unix_secs=int(time.time()) + 3600
            ) as group:
                group.start_download_file(hf_xet.XetFileInfo(name, size), f"{folder}/file")
            return Path(folder, "file").read_bytes()


def _stored(store: Path) -> dict[str, str]:
    """sha256 → Xet hash of the files of a store, read out of its shards: entries of 48 bytes."""
    found = {}
    for path in store.rglob("*.mdb"):
        data, at = path.read_bytes(), 48
        while data[at : at + 32] != b"\xff" * 32:
            name, (flags, segments) = _hash(data, at), struct.unpack_from("<II", data, at + 32)
            at += 48 + 48 * segments * (2 if flags & 1 << 31 else 1)
            if flags & 1 << 30:
                found[_hash(data, at)] = name
                at += 48
    return found


def _hash(data: bytes, at: int) -> str:
    return "".join(f"{word:016x}" for word in struct.unpack_from("<4Q", data, at))
