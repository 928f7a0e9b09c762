"""What the build asks of other machines: which files there are, and their bytes."""

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, TypeVar

from pipeline.errors import BadInput
from pipeline.remote.bucket import TokenBucket
from pipeline.remote.file import NoRanges, RemoteFile
from pipeline.remote.retry import ChangedError, with_retries
from pipeline.remote.settings import RemoteSettings

Result = TypeVar("Result")
_URI = re.compile(r"(?P<protocol>[a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_HTTP = ("http", "https")
_OBJECT_STORES = ("s3://", "gs://", "gcs://", "abfs://", "az://", "memory://")


def is_remote(path: str) -> bool:
    """Whether a path is a URI of another machine's file (`s3://…`, `https://…`)."""
    return _URI.match(path) is not None


def folder_uri(folder: str) -> str:
    """The address of a folder, of this machine or another, without a `/` at its end."""
    return folder.rstrip("/") if is_remote(folder) else f"file://{Path(folder).absolute()}"


@dataclass(frozen=True)
class Found:
    """A remote file as its server describes it; `tag` is its ETag, else its time of change."""

    uri: str
    size: int | None
    tag: str | None


class Store:
    """Remote files under one set of settings: every call is counted by the rate limit and tried again as they say.

    All methods raise FileNotFoundError, RefusedError and RemoteError as `with_retries` does.
    """

    def __init__(self, settings: RemoteSettings) -> None:
        self.settings = settings
        self._requests = TokenBucket(settings.requests_per_s) if settings.requests_per_s is not None else None
        self._bytes = TokenBucket(settings.bytes_per_s) if settings.bytes_per_s is not None else None
        self._filesystem = cache(self._open_filesystem)

    def info(self, uri: str) -> Found:
        """Size and tag of a file."""
        filesystem = self.filesystem(uri)
        return _found(uri, self._ask(lambda: filesystem.info(uri), uri))

    def infos(self, uris: Iterable[str]) -> list[Found | None]:
        """As `info` for many files, some at a time; None for those that are not there."""
        with ThreadPoolExecutor(self.settings.probes) as pool:
            return list(pool.map(self._info_or_none, uris))

    def find(self, uri: str) -> list[Found]:
        """The files below a folder (an address that ends in `/`), or those that a glob matches, by name."""
        filesystem = self.filesystem(uri, patient=True)
        listing = filesystem.find if uri.endswith("/") else filesystem.glob
        found = self._ask(lambda: listing(uri, detail=True), uri)
        return [
            _found(str(filesystem.unstrip_protocol(name)), info)
            for name, info in sorted(found.items())
            if info["type"] == "file"
        ]

    def read(self, uri: str) -> bytes:
        """A whole small file."""
        filesystem = self.filesystem(uri)
        return bytes(self._ask(lambda: filesystem.cat_file(uri), uri))

    def put(self, path: Path, uri: str) -> None:
        """Send a whole local file."""
        filesystem = self.filesystem(uri, patient=True)

        def once() -> None:
            if not uri.startswith(_OBJECT_STORES):  # these have no folders
                filesystem.makedirs(uri.rpartition("/")[0], exist_ok=True)
            filesystem.put_file(str(path), uri)

        self._ask(once, uri, path.stat().st_size)

    def open(self, announced: Found) -> RemoteFile:
        """A file that `info`, `infos` or `find` described, for random reads.

        Raises:
            ChangedError: it is another by now.
        """
        uri, filesystem = announced.uri, self.filesystem(announced.uri)
        found, file = self._ask(lambda: self._open_once(filesystem, uri), uri)
        if found != announced:
            raise ChangedError(f"{uri}: changed since the build looked at it; run it again")

        def fetch(start: int, end: int) -> bytes:
            def once() -> bytes:
                file.seek(start)
                try:
                    data = file.read(end - start)
                except ValueError as error:  # fsspec's word for an answer that is the whole file
                    raise NoRanges(uri) from error
                return _whole(data, end - start)

            return self._ask(once, uri, end - start)

        def download(copy: IO[bytes]) -> None:
            def once() -> None:
                copy.seek(0)
                copy.truncate()
                filesystem.get_file(uri, copy)
                if found.size is not None and copy.tell() != found.size:
                    raise ConnectionError(f"the connection ended after {copy.tell()} of {found.size} bytes")

            self._ask(once, uri, found.size or 0)

        return RemoteFile(found.size, self.settings.block_bytes, fetch, download)

    def filesystem(self, uri: str, patient: bool = False) -> Any:
        """The fsspec file system of a URI, without retries of its own; a `patient` one has them, for what takes many
        requests and should not begin anew at the failure of one.

        Raises:
            BadInput: its package is not installed, or nobody knows the protocol.
        """
        match = _URI.match(uri)
        assert match is not None, uri
        try:
            return self._filesystem(match["protocol"].lower(), patient)
        except ImportError as error:
            raise BadInput(f"{uri}: {error}; pip install 'mathmill[remote]'") from error
        except ValueError as error:
            raise BadInput(f"{uri}: {error}; use s3://, https:// or a local path") from error

    def _open_filesystem(self, protocol: str, patient: bool) -> Any:
        import fsspec

        settings = self.settings
        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        if protocol in _HTTP:
            import aiohttp

            # A .gz that the server calls an encoding is the file itself: it must not be undone on the way.
            headers = {"Accept-Encoding": "identity", "User-Agent": f"mathmill/{version('mathmill')}"}
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=settings.connect_timeout_s, sock_read=settings.read_timeout_s
            )
            client = {"auto_decompress": False, "timeout": timeout, "trust_env": True}
            return fsspec.filesystem(protocol, headers=headers, client_kwargs=client, **options)
        if protocol == "s3":
            config = {
                "retries": {"total_max_attempts": settings.tries if patient else 1, "mode": "standard"},
                "connect_timeout": settings.connect_timeout_s,
                "read_timeout": settings.read_timeout_s,
                "max_pool_connections": settings.probes,
            }
            filesystem = fsspec.filesystem("s3", anon=settings.anonymous, config_kwargs=config, **options)
            filesystem.retries = 1
            return filesystem
        return fsspec.filesystem(protocol, **options)

    def _open_once(self, filesystem: Any, uri: str) -> tuple[Found, Any]:
        """A file as its server describes it now, and fsspec's handle: a request per read, which insists on the tag."""
        if uri.startswith(_HTTP):
            info = filesystem.info(uri)
            found, tag = _found(uri, info), info.get("ETag", "")
            headers = filesystem.kwargs["headers"] | ({"If-Match": tag} if tag.startswith('"') else {})
            return found, filesystem.open(uri, size=found.size or 1, cache_type="none", headers=headers)
        file = filesystem.open(uri, cache_type="none")
        return _found(uri, getattr(file, "details", None) or filesystem.info(uri)), file

    def _ask(self, action: Callable[[], Result], uri: str, num_bytes: int = 0) -> Result:
        def limited() -> Result:
            if self._requests is not None:
                self._requests.take(1)
            if self._bytes is not None:
                self._bytes.take(num_bytes)
            return action()

        return with_retries(limited, uri, self.settings)

    def _info_or_none(self, uri: str) -> Found | None:
        try:
            return self.info(uri)
        except FileNotFoundError:
            return None


def _found(uri: str, info: dict[str, Any]) -> Found:
    tag = next((info[key] for key in ("ETag", "etag", "Last-Modified", "LastModified", "mtime") if info.get(key)), None)
    # Some servers quote an ETag in one answer and not in the next.
    return Found(uri, info["size"], None if tag is None else str(tag).strip('"'))


def _whole(data: bytes, count: int) -> bytes:
    if len(data) != count:
        raise ConnectionError(f"the connection ended after {len(data)} of {count} bytes")
    return data
