"""Fetching pages that the user named: what comes, what is refused, and what is never asked for."""

import time

import pytest

from pipeline.extract.batch.fetch import Fetcher
from pipeline.extract.batch.reader import PageFailed

HTML = {"Content-Type": "text/html"}


def fetcher(**changed: float) -> Fetcher:
    settings = {"page_bytes": 10_000, "timeout_s": 20.0, "delay_s": 0.0} | changed
    return Fetcher(page_bytes=int(settings["page_bytes"]), timeout_s=settings["timeout_s"], delay_s=settings["delay_s"])


def failure(url: str, **changed: float) -> str:
    with fetcher(**changed) as fetches, pytest.raises(PageFailed) as failed:
        fetches.fetch(url)
    return str(failed.value)


def test_a_page_comes_with_charset_and_address(web):
    web.pages["/old"] = 301, {"Location": "/new"}, b""
    web.pages["/new"] = 200, {"Content-Type": "Text/HTML; charset=windows-1252"}, b"<p>G\xf6del"
    with fetcher() as fetches:
        raw = fetches.fetch(web.url("/old"))
    assert (raw.html, raw.charset, raw.url) == (b"<p>G\xf6del", "windows-1252", web.url("/new"))
    assert web.asked == ["/old", "/new"], "nothing else is asked for"
    assert all(agent.startswith("mathmill/") for agent in web.agents)


def test_what_is_no_page_is_refused(web):
    web.pages["/image"] = 200, {"Content-Type": "image/png"}, b"\x89PNG"
    web.pages["/unknown"] = 200, {}, b"just words"
    web.pages["/page"] = 200, {}, b"<!doctype html><p>x"
    assert failure(web.url("/none")) == "HTTP 404 Not Found"
    assert failure(web.url("/image")) == "image/png, not an HTML page"
    assert failure(web.url("/unknown")) == "not an HTML page"
    assert failure("ftp://127.0.0.1/x") == "only http and https addresses are fetched"
    assert failure("http://[x/").startswith("no address: ")
    with fetcher() as fetches:
        assert fetches.fetch(web.url("/page")).html == b"<!doctype html><p>x"


def test_sizes_are_limited_as_sent_and_decoded(web):
    web.pages["/large"] = 200, HTML, b"x" * 10_001
    web.pages["/fits"] = 200, HTML, b"x" * 10_000
    assert failure(web.url("/large")) == "more than 10,000 bytes"
    assert failure(web.url("/bomb")) == "too_large: content-encoding gzip: more than 10000 bytes decoded"
    with fetcher() as fetches:
        assert len(fetches.fetch(web.url("/fits")).html) == 10_000


def test_time_is_limited(web):
    web.held.add("/slow")
    assert failure(web.url("/slow"), timeout_s=0.2) == "not there within 0.2 s"
    web.release.set()


def test_redirects_are_limited_and_stay_on_the_web(web):
    web.pages["/loop"] = 302, {"Location": "/loop"}, b""
    web.pages["/file"] = 302, {"Location": "file:///etc/hostname"}, b""
    assert failure(web.url("/loop")) == "more than 5 redirects"
    assert failure(web.url("/file")) == "redirects to file:///etc/hostname, which is no http or https address"


def test_a_server_that_is_not_there(web):
    assert "Cannot connect to host 127.0.0.1:1" in failure("http://127.0.0.1:1/")


def test_pages_of_a_host_have_a_pause_between_them(web, monkeypatch):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    url = web.page("/a", "a")
    with fetcher(delay_s=50.0) as fetches:
        fetches.fetch(url)
        assert pauses == []
        fetches.fetch(url)
    assert len(pauses) == 1
    assert 40.0 < pauses[0] <= 50.0
