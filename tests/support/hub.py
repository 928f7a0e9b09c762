"""A Hugging Face Hub of the tests' own: what huggingface_hub and datasets call, in memory, with faults on demand.

Repositories have branches, commits, LFS objects (basic and multi-part) and privacy; every request is in `log`.
"""

import asyncio
import base64
import hashlib
import json
import os
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from support.hub_repos import Commit, Repo, Stored, is_lfs
from support.thread_server import ThreadServer

OWNER, READER = "hf_owner", "hf_reader"
"""Tokens: of the user `lab` who may write, and of the user `guest` who may read what is public."""
TOKENS = {OWNER: "lab", READER: "guest"}

_EPOCH = "2026-01-01T00:00:00.000Z"
_REPO = "{owner:[^/]+}/{name:[^/]+}"
API = "/api/{kind:models|datasets|spaces}/" + _REPO


@dataclass(frozen=True)
class Request:
    kind: str
    """Name of the handler: commit, lfs_put, resolve, tree…"""
    method: str
    path: str
    bytes: int
    status: int


class Refusal(Exception):
    """An answer that is an error, in the Hub's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message

    def response(self) -> web.Response:
        headers = {"X-Error-Code": self.code, "X-Error-Message": self.message}
        return web.json_response({"error": self.message}, status=self.status, headers=headers)


class FakeHub(ThreadServer):
    """The server. Use as a context manager, or by the fixture `hub`."""

    port = 0

    def __init__(self, *, page: int = 1000, part_bytes: int | None = None) -> None:
        """`page`: entries of one page of a tree; `part_bytes`: larger LFS objects are sent in parts of that size."""
        self._page, self._part_bytes = page, part_bytes
        self.repos: dict[tuple[str, str], Repo] = {}
        self.log: list[Request] = []
        self.on_request: Callable[[str], None] = lambda kind: None
        """Called with the kind of each request before it is looked at; it may kill the client."""
        self.full = False
        """Whether it has no room for further objects."""
        self._objects: dict[str, bytes] = {}
        self._parts: dict[tuple[str, str], bytes] = {}
        self._faults: dict[str, deque[int | str]] = defaultdict(deque)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, kind: str, *faults: int | str) -> None:
        """What happens to the next requests of a kind: a status, `drop` (no answer, nothing done) or `lost` (done,
        no answer); "" is none."""
        self._faults[kind] += faults

    def count(self, kind: str) -> int:
        """Requests of a kind that were answered with success."""
        return sum(request.kind == kind and request.status < 400 for request in self.log)

    def put(
        self,
        repo: str,
        files: Mapping[str, bytes],
        *,
        kind: str = "dataset",
        private: bool = False,
        branch: str = "main",
    ) -> str:
        """Add files to a repository, new or old, as a commit: its id."""
        found = self.repos.setdefault((kind, repo), Repo(private))
        head = found.at(branch)
        new = {path: Stored(data, is_lfs(path, len(data))) for path, data in files.items()}
        self._objects |= {file.sha256: file.data for file in new.values() if file.lfs}
        return found.commit(branch, (head.files if head else {}) | new, "files").oid

    def files(self, repo: str, branch: str = "main", kind: str = "dataset") -> dict[str, bytes]:
        """What a repository holds, by path, .gitattributes apart."""
        head = self.repos[kind, repo].at(branch)
        assert head is not None, branch
        return {path: file.data for path, file in head.files.items() if path != ".gitattributes"}

    def find_object(self, oid: str, size: int) -> bytes | None:
        """The bytes of this sha256, if they were sent."""
        return self._objects.get(oid)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 30)
        for method, path, handler in (
            ("GET", "/api/whoami-v2", self._whoami),
            ("POST", "/api/repos/create", self._create),
            ("POST", "/api/validate-yaml", self._validate),
            ("GET", API, self._info),
            ("GET", API + "/revision/{revision}", self._info),
            ("GET", API + "/tree/{revision}", self._tree),
            ("GET", API + "/tree/{revision}/{path:.*}", self._tree),
            ("POST", API + "/paths-info/{revision}", self._paths_info),
            ("GET", API + "/refs", self._refs),
            ("GET", API + "/commits/{revision}", self._commits),
            ("POST", API + "/branch/{revision}", self._branch),
            ("POST", API + "/preupload/{revision}", self._preupload),
            ("POST", API + "/commit/{revision}", self._commit),
            ("PUT", "/lfs/{oid}", self._lfs_put),
            ("PUT", "/lfs/{oid}/{part}", self._lfs_put),
            ("POST", "/lfs/{oid}/complete", self._lfs_complete),
            ("POST", "/lfs/{oid}/verify", self._lfs_verify),
        ):
            app.router.add_route(method, path, self._answering(handler))
        for prefix in ("/", "/{kind:datasets|spaces}/"):
            batch = prefix + "{owner:[^/]+}/{name:[^/]+?}.git/info/lfs/objects/batch"
            app.router.add_post(batch, self._answering(self._lfs_batch))
            app.router.add_get(prefix + _REPO + "/resolve/{revision}/{path:.*}", self._answering(self._resolve))
        return app

    def _answering(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A handler with refusals, faults and the log around it."""
        kind = handler.__name__.lstrip("_")

        async def answer(request: web.Request) -> web.StreamResponse:
            await asyncio.to_thread(self.on_request, kind)
            faults = self._faults[kind]
            fault = faults.popleft() if faults else ""
            size = request.content_length or 0
            if fault == "drop" or isinstance(fault, int):
                status = fault if isinstance(fault, int) else 0
                response = Refusal(status, "", "not now").response() if status else web.Response()
            else:
                try:
                    response = await handler(request)
                except Refusal as refusal:
                    response = refusal.response()
                status = response.status
            self.log.append(Request(kind, request.method, request.path, size, status or 599))
            if fault in ("drop", "lost") and request.transport is not None:
                request.transport.abort()
            return response

        return answer

    # Who asks, and for what

    def _find(self, request: web.Request, *, write: bool = False) -> tuple[str, str, Repo]:
        """Kind, name and repository of a request.

        Raises:
            Refusal: there is none, or the asker may not.
        """
        kind = request.match_info.get("kind", "models").removesuffix("s")
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        repo, user = self.repos.get((kind, name)), _user(request)
        if repo is None or (repo.private and user != request.match_info["owner"]):
            raise Refusal(401 if user is None else 404, "RepoNotFound", "Repository not found")
        if write and user is None:
            raise Refusal(401, "", "Invalid username or password.")
        if write and user != request.match_info["owner"]:
            raise Refusal(403, "", "You don't have the rights to write to this repository")
        return kind, name, repo

    def _find_commit(self, request: web.Request, *, write: bool = False) -> Commit:
        commit = self._find(request, write=write)[2].at(request.match_info.get("revision", "main"))
        if commit is None:
            raise Refusal(404, "RevisionNotFound", "Invalid rev id")
        return commit

    async def _whoami(self, request: web.Request) -> web.Response:
        if (user := _user(request)) is None:
            raise Refusal(401, "", "Invalid credentials in Authorization header")
        token = {"type": "access_token", "accessToken": {"displayName": "t", "role": "write"}}
        return web.json_response({"type": "user", "id": "0", "name": user, "fullname": user, "orgs": [], "auth": token})

    async def _create(self, request: web.Request) -> web.Response:
        asked, user = await request.json(), _user(request)
        if user is None:
            raise Refusal(401, "", "Invalid username or password.")
        owner, kind = asked.get("organization") or user, asked.get("type", "model")
        if owner != user:
            raise Refusal(403, "", f"You don't have the rights to create a {kind} under the namespace {owner}")
        name = f"{owner}/{asked['name']}"
        url = f"{self.address}/{'' if kind == 'model' else kind + 's/'}{name}"
        if (kind, name) in self.repos:
            refusal = {"error": "You already created this repo", "url": url}
            return web.json_response(refusal, status=409)
        repo = self.repos[kind, name] = Repo(asked.get("private", False) or asked.get("visibility") == "private")
        attributes = Stored(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n", lfs=False)
        repo.commit("main", {".gitattributes": attributes}, "initial commit")
        return web.json_response({"url": url, "name": name})

    # Reading

    async def _info(self, request: web.Request) -> web.Response:
        (_, name, repo), commit = self._find(request), self._find_commit(request)
        sizes = "blobs" in request.query
        return web.json_response(
            {
                "_id": "0" * 24,
                "id": name,
                "author": name.split("/")[0],
                "sha": commit.oid,
                "private": repo.private,
                "gated": False,
                "disabled": False,
                "lastModified": _EPOCH,
                "createdAt": _EPOCH,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": [
                    {"rfilename": path} | ({"size": len(file.data)} if sizes else {})
                    for path, file in sorted(commit.files.items())
                ],
            }
        )

    async def _tree(self, request: web.Request) -> web.Response:
        commit, base = self._find_commit(request), request.match_info.get("path", "").strip("/")
        inside = {path: file for path, file in sorted(commit.files.items()) if not base or path.startswith(base + "/")}
        if base and not inside:
            raise Refusal(404, "EntryNotFound", f"{base} does not exist")
        recursive = request.query.get("recursive", "").lower() in ("1", "true")
        entries: dict[str, dict[str, Any]] = {}
        for path, file in inside.items():
            depth = base.count("/") + 1 if base else 0
            parts = path.split("/")
            for count in range(depth + 1, len(parts) if recursive else min(len(parts), depth + 2)):
                folder = "/".join(parts[:count])
                entries.setdefault(folder, {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40})
            if recursive or len(parts) == depth + 1:
                entries[path] = file.entry(path)
        first = int(request.query.get("cursor", 0))
        page = int(request.query.get("limit", self._page))
        headers = {}
        if first + page < len(entries):
            following = request.rel_url.update_query(cursor=str(first + page))
            headers["Link"] = f'<{self.address}{following}>; rel="next"'
        return web.json_response(list(entries.values())[first : first + page], headers=headers)

    async def _paths_info(self, request: web.Request) -> web.Response:
        commit = self._find_commit(request)
        if request.content_type == "application/json":
            paths = (await request.json())["paths"]
        else:
            paths = (await request.post()).getall("paths")
        return web.json_response([commit.files[path].entry(path) for path in paths if path in commit.files])

    async def _refs(self, request: web.Request) -> web.Response:
        branches = [
            {"name": name, "ref": f"refs/heads/{name}", "targetCommit": oid}
            for name, oid in self._find(request)[2].branches.items()
        ]
        return web.json_response({"branches": branches, "converts": [], "tags": [], "pullRequests": []})

    async def _commits(self, request: web.Request) -> web.Response:
        history = self._find(request)[2].history(request.match_info["revision"])
        described = [
            {"id": commit.oid, "title": commit.message, "message": "", "authors": [{"user": "lab"}], "date": _EPOCH}
            for commit in reversed(history)
        ]
        return web.json_response(described)

    async def _resolve(self, request: web.Request) -> web.Response:
        commit = self._find_commit(request)
        file = commit.files.get(request.match_info["path"])
        if file is None:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit.oid}
            return web.Response(status=404, headers=headers)
        tag = f'"{file.sha256 if file.lfs else file.oid}"'
        headers = {"X-Repo-Commit": commit.oid, "ETag": tag, "Accept-Ranges": "bytes"}
        if file.lfs:
            headers |= {"X-Linked-Etag": tag, "X-Linked-Size": str(len(file.data))}
        asked = request.http_range
        if asked.start is None:
            return web.Response(body=file.data, headers=headers)
        start, stop, _ = asked.indices(len(file.data))
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(file.data)}"
        return web.Response(status=206, body=file.data[start:stop], headers=headers)

    # Writing

    async def _validate(self, request: web.Request) -> web.Response:
        card = (await request.json())["content"]
        if "license: none-such" not in card:
            return web.json_response({"errors": [], "warnings": []})
        wrong = {"message": '"license" must be one of [odc-by, cc-by-4.0]'}
        return web.json_response({"errors": [wrong], "warnings": []}, status=400)

    async def _branch(self, request: web.Request) -> web.Response:
        repo, branch = self._find(request, write=True)[2], request.match_info["revision"]
        if branch in repo.branches:
            raise Refusal(409, "", "Reference already exists")
        asked = await request.json() if request.can_read_body else {}
        start = repo.at(asked.get("startingPoint", "main"))
        assert start is not None
        repo.branches[branch] = start.oid
        return web.json_response({})

    async def _preupload(self, request: web.Request) -> web.Response:
        files = self._find_commit(request, write=True).files

        def described(asked: dict[str, Any]) -> dict[str, Any]:
            path, old = asked["path"], files.get(asked["path"])
            mode = "lfs" if is_lfs(path, asked["size"]) else "regular"
            known = {"oid": old.sha256 if old.lfs else old.oid} if old else {}
            return {"path": path, "uploadMode": mode, "shouldIgnore": False, **known}

        return web.json_response({"files": [described(asked) for asked in (await request.json())["files"]]})

    async def _lfs_batch(self, request: web.Request) -> web.Response:
        self._find(request, write=True)
        asked = await request.json()
        objects = []
        for found in asked["objects"]:
            described = {"oid": found["oid"], "size": found["size"], "authenticated": True}
            if self.full:
                described["error"] = {"code": 413, "message": "no space left"}
            elif found["oid"] not in self._objects:
                described["actions"] = self._actions(found["oid"], found["size"], asked.get("transfers", ()))
            objects.append(described)
        return web.json_response({"transfer": "basic", "objects": objects}, content_type="application/vnd.git-lfs+json")

    def _actions(self, oid: str, size: int, transfers: list[str]) -> dict[str, Any]:
        href = f"{self.address}/lfs/{oid}"
        if self._part_bytes is None or size <= self._part_bytes or "multipart" not in transfers:
            return {"upload": {"href": href}, "verify": {"href": f"{href}/verify"}}
        parts = {str(part): f"{href}/{part}" for part in range(1, -(-size // self._part_bytes) + 1)}
        return {"upload": {"href": f"{href}/complete", "header": {"chunk_size": str(self._part_bytes), **parts}}}

    async def _lfs_put(self, request: web.Request) -> web.Response:
        oid, part, data = request.match_info["oid"], request.match_info.get("part"), await request.read()
        if part is None:
            self._keep(oid, data)
        else:
            self._parts[oid, part] = data
        return web.Response(headers={"ETag": f'"{hashlib.md5(data).hexdigest()}"'})

    async def _lfs_complete(self, request: web.Request) -> web.Response:
        oid = request.match_info["oid"]
        parts = [str(part["partNumber"]) for part in json.loads(await request.read())["parts"]]
        self._keep(oid, b"".join(self._parts[oid, part] for part in parts))
        return web.json_response({})

    async def _lfs_verify(self, request: web.Request) -> web.Response:
        if request.match_info["oid"] not in self._objects:
            raise Refusal(404, "", "no such object")
        return web.json_response({})

    def _keep(self, oid: str, data: bytes) -> None:
        if hashlib.sha256(data).hexdigest() != oid:
            raise Refusal(422, "", "sha256 mismatch")
        self._objects[oid] = data

    async def _commit(self, request: web.Request) -> web.Response:
        (kind, name, repo), head = self._find(request, write=True), self._find_commit(request, write=True)
        branch = request.match_info["revision"]
        if branch not in repo.branches:
            raise Refusal(404, "RevisionNotFound", "Invalid rev id")
        files, header = dict(head.files), {}
        for line in (await request.read()).splitlines():
            operation = json.loads(line)
            value = operation["value"]
            match operation["key"]:
                case "header":
                    header = value
                case "file":
                    files[value["path"]] = Stored(base64.b64decode(value["content"]), lfs=False)
                case "lfsFile":
                    data = await asyncio.to_thread(self.find_object, value["oid"], value["size"])
                    if data is None:
                        raise Refusal(400, "", f"LFS object {value['oid']} of {value['path']} was not uploaded")
                    files[value["path"]] = Stored(data, lfs=True)
                case "deletedFile":
                    if files.pop(value["path"], None) is None:
                        raise Refusal(404, "EntryNotFound", "A file with this name doesn't exist")
                case "deletedFolder":
                    inside = [path for path in files if path.startswith(value["path"].rstrip("/") + "/")]
                    if not inside:
                        raise Refusal(404, "EntryNotFound", "A file with this name doesn't exist")
                    for path in inside:
                        del files[path]
        if header.get("parentCommit", head.oid) != head.oid:
            raise Refusal(412, "", "A commit has happened since. Please refresh and try again.")
        made = repo.commit(branch, files, header.get("summary", ""))
        url = f"{self.address}/{'' if kind == 'model' else kind + 's/'}{name}/commit/{made.oid}"
        return web.json_response({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})


def _user(request: web.Request) -> str | None:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and token not in TOKENS:
        raise Refusal(401, "", "Invalid credentials in Authorization header")
    return TOKENS.get(token)


def point_at(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, home: os.PathLike[str], token: str = OWNER, *, xet: bool = False
) -> None:
    """Make a server the Hub of this process and of its children, with a cache of its own."""
    import datasets.config
    import huggingface_hub.constants

    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", str(int(not xet)))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    # The libraries read the environment when they are first imported.
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.address)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", os.path.join(home, "datasets"))
    for name, value in (
        ("ENDPOINT", hub.address),
        ("HUGGINGFACE_CO_URL_TEMPLATE", hub.address + "/{repo_id}/resolve/{revision}/{filename}"),
        ("HF_HUB_CACHE", os.path.join(home, "hub")),
        ("HF_TOKEN_PATH", os.path.join(home, "token")),
        ("HF_HUB_DISABLE_XET", not xet),
        ("HF_HUB_OFFLINE", False),
    ):
        monkeypatch.setattr(huggingface_hub.constants, name, value)


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """An empty Hub, logged in to as the user `lab`."""
    with FakeHub() as server:
        point_at(server, monkeypatch, tmp_path_factory.mktemp("hf"))
        yield server
