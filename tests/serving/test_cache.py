import asyncio
import subprocess
import sys

import pytest

from pipeline.serving.answers import Answer, Request
from pipeline.serving.cache import AnswerCache


def request(number: int, **changes) -> Request:
    fields = {
        "document": f"{number:032x}",
        "part": "0",
        "messages": "m",
        "prompt": "web-pro@1:d",
        "model": "m",
        "revision": None,
        "sampling": {"temperature": 0.7, "seed": 0},
    }
    return Request(**(fields | changes))


def answer(number: int) -> Answer:
    return Answer(text=f"Text {number} with $x_{{{number}}}$ – é", finish_reason="stop", prompt_tokens=3)


def store(folder, numbers) -> None:
    async def run():
        cache = AnswerCache(folder)
        await asyncio.gather(*(cache.put(request(number), answer(number)) for number in numbers))
        cache.close()

    asyncio.run(run())


def test_what_is_stored_is_found_by_every_later_reader(tmp_path):
    store(tmp_path, range(50))
    store(tmp_path, range(50, 60))
    cache = AnswerCache(tmp_path)
    assert len(cache) == 60
    assert [cache.get(request(number).key) for number in range(60)] == [answer(number) for number in range(60)]
    assert cache.get(request(60).key) is None
    assert len(list(tmp_path.glob("*.index"))) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"document": "0" * 32},
        {"part": "1"},
        {"messages": "n"},
        {"prompt": "web-pro@1:e"},
        {"model": "n"},
        {"revision": "abc"},
        {"sampling": {"temperature": 0.7, "seed": 1}},
        {"sampling": {"temperature": 0.8, "seed": 0}},
        {"sampling": {"temperature": 0.7, "seed": 0, "top_k": 5}},
    ],
)
def test_a_changed_key_never_replays(tmp_path, change):
    store(tmp_path, [7])
    cache = AnswerCache(tmp_path)
    assert request(7).key in cache
    assert request(7, **change).key not in cache


def test_new_answers_are_found_at_once_and_after_they_were_sorted_in(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.serving.cache_index._MERGE_AT", 4)

    async def run():
        cache = AnswerCache(tmp_path)
        for number in range(11):
            await cache.put(request(number), answer(number))
            assert [cache.get(request(n).key) for n in range(number + 1)] == [answer(n) for n in range(number + 1)]
        return cache

    assert len(asyncio.run(run())) == 11


@pytest.mark.parametrize("suffix", ["answers", "index"])
def test_a_torn_tail_costs_one_answer(tmp_path, suffix):
    store(tmp_path, range(5))
    (path,) = tmp_path.glob(f"*.{suffix}")
    path.write_bytes(path.read_bytes()[:-3])
    cache = AnswerCache(tmp_path)
    found = [cache.get(request(number).key) for number in range(5)]
    assert found[:4] == [answer(number) for number in range(4)]
    assert found[4] is None
    store(tmp_path, [4])
    assert AnswerCache(tmp_path).get(request(4).key) == answer(4), "the torn one must not hide the whole one"


def test_damaged_bytes_are_no_answer(tmp_path):
    store(tmp_path, [0])
    (path,) = tmp_path.glob("*.answers")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert AnswerCache(tmp_path).get(request(0).key) is None


def test_the_first_answer_stands(tmp_path):
    store(tmp_path, [1])

    async def again():
        cache = AnswerCache(tmp_path)
        await cache.put(request(1), answer(2))
        assert cache.get(request(1).key) == answer(1)
        cache.close()

    asyncio.run(again())
    assert AnswerCache(tmp_path).get(request(1).key) == answer(1)


def test_merging_adds_what_lacks(tmp_path):
    store(tmp_path / "a", range(4))
    store(tmp_path / "b", range(2, 9))
    store(tmp_path / "c", range(8, 10))
    run = subprocess.run(
        [sys.executable, "-m", "mathmill", "refine-cache", "merge", "a", "b", "c"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "a: 10 answers, 6 added, 3 already there\n"
    cache = AnswerCache(tmp_path / "a")
    assert [cache.get(request(number).key) for number in range(10)] == [answer(number) for number in range(10)]


def test_export_is_a_line_for_each_answer(tmp_path):
    store(tmp_path / "a", range(3))
    run = subprocess.run(
        [sys.executable, "-m", "mathmill", "refine-cache", "export", "a", "out.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "out.jsonl: 3 answers\n"
    import json

    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sorted(line["document"] for line in lines) == [f"{number:032x}" for number in range(3)]
    assert {line["text"] for line in lines} == {answer(number).text for number in range(3)}
    assert list(lines[0]) == [*Request.model_fields, *Answer.model_fields]


def test_a_folder_without_answers_is_bad_input(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "mathmill", "refine-cache", "export", "nothing", "out.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr == "mathmill: nothing: holds no answers; give the folder cache/refine of an output folder\n"
