"""Which errors are tried again, for how long, and what is said when nothing helps."""

import aiohttp
import botocore.exceptions
import pytest
from fsspec.exceptions import FSTimeoutError
from yarl import URL

from pipeline.remote.bucket import TokenBucket
from pipeline.remote.retry import ChangedError, RefusedError, RemoteError, is_transient, with_retries
from pipeline.remote.settings import RemoteSettings


def http(status):
    request = aiohttp.RequestInfo(URL("https://h/x"), "GET", {}, URL("https://h/x"))
    return aiohttp.ClientResponseError(request, (), status=status, message="why")


def s3(status, code):
    answer = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(answer, "GetObject")


def caused(error, cause):
    error.__cause__ = cause
    return error


TRANSIENT = [
    http(500), http(502), http(503), http(504), http(408), http(429),
    s3(503, "SlowDown"), s3(500, "InternalError"), s3(400, "RequestTimeout"),
    caused(OSError(16, "busy"), s3(503, "503")),
    caused(FileNotFoundError("https://h/x"), http(503)),
    caused(FileNotFoundError("https://h/x"), aiohttp.ServerDisconnectedError()),
    aiohttp.ClientPayloadError("early end"), ConnectionResetError(), TimeoutError(), FSTimeoutError(),
    botocore.exceptions.EndpointConnectionError(endpoint_url="http://h"),
    botocore.exceptions.ReadTimeoutError(endpoint_url="http://h"),
]  # fmt: skip
FINAL = [
    (http(404), FileNotFoundError, "No such file"),
    (caused(FileNotFoundError("x"), s3(404, "NoSuchKey")), FileNotFoundError, "No such file"),
    (FileNotFoundError("x"), FileNotFoundError, "No such file"),
    (http(403), RefusedError, "s3://b/k: access denied: 403"),
    (caused(PermissionError("no"), s3(403, "AccessDenied")), RefusedError, r"denied: 403: .*AccessDenied"),
    (botocore.exceptions.NoCredentialsError(), RefusedError, "s3://b/k: no credentials; set AWS_PROFILE"),
    (http(412), ChangedError, "changed since"),
    (http(416), RemoteError, "s3://b/k: 416"),
    (ZeroDivisionError("a mistake"), ZeroDivisionError, "a mistake"),
]  # fmt: skip


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_transient_errors_are_tried_until_they_pass(error):
    assert is_transient(error)
    answers = [error, error, "data"]

    def action():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    waits: list[float] = []
    assert with_retries(action, "s3://b/k", RemoteSettings(), sleep=waits.append) == "data"
    assert len(waits) == 2
    assert 0 <= waits[0] <= 1
    assert 0 <= waits[1] <= 2


@pytest.mark.parametrize(("error", "kind", "words"), FINAL, ids=repr)
def test_final_errors_are_told_at_once(error, kind, words):
    def action():
        raise error

    with pytest.raises(kind, match=words):
        with_retries(action, "s3://b/k", RemoteSettings(), sleep=lambda wait: pytest.fail("waited"))


def test_waits_are_drawn_evenly_up_to_a_bound_that_doubles():
    def action():
        raise s3(503, "SlowDown")

    rounds = []
    for _ in range(400):
        waits: list[float] = []
        with pytest.raises(RemoteError, match=r"s3://b/k: 503: .*SlowDown.*; gave up after 6 tries, .*run it again"):
            with_retries(action, "s3://b/k", RemoteSettings(tries=6, max_wait_s=6.0), sleep=waits.append)
        rounds.append(waits)
    for waits, bound in zip(zip(*rounds, strict=True), (1, 2, 4, 6, 6), strict=True):
        assert min(waits) >= 0
        assert max(waits) <= bound
        # The mean of 400 even draws lies within five standard errors of the middle, but once in a million runs.
        assert abs(sum(waits) / 400 - bound / 2) < 5 * bound / 12**0.5 / 20


def test_a_bucket_lets_a_second_through_and_then_its_rate():
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    bucket = TokenBucket(4.0, clock=lambda: now[0], sleep=sleep)
    for _ in range(6):
        bucket.take(1)
    assert slept == [0.25, 0.25]
    now[0] += 60
    slept.clear()
    bucket.take(12)  # eight more than there are
    bucket.take(2)
    assert slept == [2.0, 0.5]


def test_a_slow_bucket_still_lets_one_request_through():
    slept: list[float] = []
    bucket = TokenBucket(0.5, clock=lambda: 0.0, sleep=slept.append)
    bucket.take(1)
    bucket.take(1)
    assert slept == [2.0]
