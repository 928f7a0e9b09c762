import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from pipeline.serving.chat import ChatClient
from pipeline.serving.client import Fixed, ServerGone
from pipeline.serving.limit import AdaptiveLimit
from support.chat_server import ChatServer, Reply

PROBE = {"model": "tests/model", "messages": [{"role": "user", "content": "Write the word ready."}]}


def client(url, **settings):
    settings = {"api_key": None, "most": 8, "timeout_s": 5.0, "give_up_s": 5.0, "tries": 3} | settings
    return ChatClient(Fixed(url), PROBE, **settings)


def body(text="A part."):
    content = f"TEXT-0123456789abcdef\n{text}\nTEXT-0123456789abcdef"
    return {"model": "tests/model", "messages": [{"role": "user", "content": content}]}


async def stored(answer):
    """Stands in for the cache."""


def ask(server, *texts, **settings):
    async def run():
        async with client(server.url, **settings) as asking:
            answers = await asyncio.gather(*(asking.complete(body(text), stored) for text in texts or ("A part.",)))
            return answers, asking

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("pipeline.serving.client._FIRST_WAIT_S", 0.01)


FAILURES = {
    "http_429": Reply(status=429, body=b"{}"),
    "http_500": Reply(status=500, body=b"Internal Server Error"),
    "http_503": Reply(status=503, body=b"<html>busy</html>"),
    "no_answer": Reply(body=b"<!doctype html><title>proxy</title>"),
    "no_answer ": Reply(body=b'{"choices": [{"message": {"content": "cut'),
    "no_answer  ": Reply(body=b'{"choices": []}'),
    "connection_lost": Reply(hang_up=True),
    "timeout": Reply(text="late", delay_s=30),
    "timeout ": Reply(text="drop by drop", trickle_s=0.2),
}


@pytest.mark.parametrize("reason", FAILURES)
def test_what_may_pass_is_tried_again(reason):
    with ChatServer(lambda text, body, before: FAILURES[reason] if before < 2 else Reply("whole")) as server:
        (answer,), asking = ask(server, timeout_s=0.3, tries=4)
    assert (answer.text, answer.finish_reason, answer.prompt_tokens) == ("whole", "stop", 100)
    assert asking.traffic.retries == {reason.strip(): 2}
    assert len(server.requests) == 3


def test_a_request_that_fails_again_and_again_while_others_pass_gets_an_error_answer():
    def answer(text, body, before):
        return Reply(status=500, body=b"cannot tokenize") if text == "poison" else Reply("fine")

    with ChatServer(answer) as server:
        answers, _ = ask(server, "one", "poison", "two", tries=3)
        assert server.probes == 1
    assert [answer.error for answer in answers] == [None, "http_500: cannot tokenize", None]
    assert answers[1].finish_reason == "error"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_request_is_answered_by_the_refusal(status):
    reply = Reply(status=status, body=b'{"error": {"message": "maximum context length is 2048 tokens"}}')
    with ChatServer(lambda *_: reply) as server:
        (answer,), _ = ask(server)
    assert answer.error == f"http_{status}: maximum context length is 2048 tokens"
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 403, 404])
def test_what_no_request_can_pass_ends_it(status):
    reply = Reply(status=status, body=b'{"detail": "no such model"}')
    with ChatServer(lambda *_: reply) as server, pytest.raises(ServerGone, match=f"says {status}: .*no such model"):
        ask(server)


def test_a_key_is_sent_and_never_shown():
    with ChatServer(lambda *_: Reply("fine"), key="sk-right") as server:
        (answer,), _ = ask(server, api_key="sk-right")
        assert answer.text == "fine"
        with pytest.raises(ServerGone) as error:
            ask(server, api_key="sk-wrong")
    assert "Incorrect API key provided: Bearer …" in str(error.value)
    assert "sk-wrong" not in str(error.value)


def test_a_settings_error_shows_before_any_document():
    with ChatServer(lambda *_: Reply("fine"), key="sk-right") as server:

        async def run():
            async with client(server.url) as asking:
                await asking.check()

        with pytest.raises(ServerGone, match="401"):
            asyncio.run(run())
        assert server.requests == []


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_holds_every_request(form):
    arrivals = []

    def answer(text, body, before):
        arrivals.append((time.monotonic(), text, before))
        if text == "first" and before == 0:
            wanted = (
                "2" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
            )
            return Reply(status=429, headers={"Retry-After": wanted}, body=b"{}")
        return Reply("fine")

    with ChatServer(answer) as server:

        async def run():
            async with client(server.url) as asking:
                first = asyncio.create_task(asking.complete(body("first"), stored))
                while not asking.traffic.retries:
                    await asyncio.sleep(0.001)
                return await asyncio.gather(first, asking.complete(body("second"), stored))

        assert [answer.text for answer in asyncio.run(run())] == ["fine", "fine"]
    refused = arrivals[0][0]
    assert [text for _, text, _ in arrivals[1:]].count("second") == 1
    assert all(when - refused >= 1.9 for when, *_ in arrivals[1:])


def test_a_server_that_is_gone_is_given_up_in_one_line():
    with ChatServer(lambda *_: Reply("fine")) as server:
        url = server.url

    async def run():
        async with client(url, give_up_s=0.2) as asking:
            await asyncio.gather(*(asking.complete(body(str(number)), stored) for number in range(20)))

    with pytest.raises(ServerGone, match=r"no answer in 0 s \(no_connection\); what was answered is stored") as error:
        asyncio.run(run())
    assert "\n" not in str(error.value)


def test_a_body_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr("pipeline.serving.client._LARGEST_BODY", 1 << 16)
    with ChatServer(lambda text, body, before: Reply(body=b"x" * (1 << 18)) if not before else Reply("fine")) as server:
        (answer,), asking = ask(server)
    assert (answer.text, dict(asking.traffic.retries)) == ("fine", {"body_too_large": 1})


def test_the_context_is_what_the_server_lists():
    async def context(server, model):
        async with client(server.url) as asking:
            return await asking.context_tokens(model)

    with ChatServer(lambda *_: Reply("fine"), max_model_len=4096) as server:
        assert asyncio.run(context(server, "tests/model")) == 4096
        assert asyncio.run(context(server, "another")) is None


def test_the_width_grows_to_what_is_allowed_and_no_further():
    with ChatServer(lambda *_: Reply("fine", delay_s=0.05)) as server:
        ask(server, *(str(number) for number in range(150)), most=24)
        assert server.most_busy == 24


def test_the_width_follows_the_server_down_and_up():
    limit = AdaptiveLimit(100)
    for _ in range(40):
        limit.running = int(limit.width)
        limit.answered()
    assert limit.width == 48
    for _ in range(5):
        limit.pushed_back()
    assert limit.width == pytest.approx(48 * 0.7), "one round, one step down"
    for _ in range(32):
        limit.running = int(limit.width)
        limit.answered()
    assert 34 < limit.width < 35, "one more in a round"
    for _ in range(300):
        limit.pushed_back()
    assert limit.width == 1


def test_a_width_that_is_not_used_does_not_grow():
    limit = AdaptiveLimit(100)
    limit.running = 3
    limit.answered()
    assert limit.width == 8
