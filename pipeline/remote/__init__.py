"""Files on other machines, over fsspec: found, read in blocks, retried, at a bounded rate."""

from pipeline.remote.retry import RefusedError, RemoteError
from pipeline.remote.store import Found, Store, folder_uri, is_remote

__all__ = ["Found", "RefusedError", "RemoteError", "Store", "folder_uri", "is_remote"]
