"""Fixtures of the tests that need an S3 server."""

import itertools
import logging
from collections.abc import Iterator

import pytest

from support.faults import ProxyHandler, serve


@pytest.fixture(scope="session")
def moto() -> Iterator[tuple[str, int]]:
    """Host and port of an S3 server."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def s3(moto, monkeypatch):
    """The S3 server as this process' and its children's, with an empty bucket of its own: (s3fs, bucket)."""
    import s3fs

    endpoint(monkeypatch, f"http://{moto[0]}:{moto[1]}")
    filesystem = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    for bucket in filesystem.ls(""):
        filesystem.rm(bucket, recursive=True)
    filesystem.mkdir("bucket")
    return filesystem


@pytest.fixture
def faulty_s3(moto, s3, monkeypatch):
    """The same server behind a proxy that spoils one answer in three; gives the proxy's log."""
    plan = itertools.cycle(("busy", "", "", "cut", "", "", "drop", "", ""))
    with serve(ProxyHandler, plan, upstream=moto) as (address, handler):
        endpoint(monkeypatch, address)
        yield handler.log


def endpoint(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Point every S3 client at `address`, and no request at a proxy."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
