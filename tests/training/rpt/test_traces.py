"""Positions in what a run wrote: its stored answers as documents, the prompts masked."""

from pathlib import Path

import numpy as np
import pytest
from transformers import AutoConfig, AutoModelForCausalLM

from pipeline.errors import BadInput
from pipeline.files import file_digest
from support.proxies import measure_in
from support.rl import MODEL, save_tokenizer
from training.documents import DocumentTokens
from training.rl.answers import Answer, write_answers
from training.rpt.positions import open_positions
from training.rpt.proxy import find_proxy
from training.rpt.selection import Selection, select
from training.rpt.traces import rollout_files, write_traces
from training.tokens import TokenManifest


def answer(prompt: tuple[int, ...], tokens: tuple[int, ...], sample: int) -> Answer:
    return Answer(
        prompt=0,
        group=0,
        sample=sample,
        prompt_tokens=prompt,
        tokens=tokens,
        sampler=tuple(-1.0 for _ in tokens),
        stop_reason="stop",
        weights_version=0,
        question="",
        gold="",
        response="",
        reward=1.0,
        correct=True,
        status="ok",
    )


@pytest.fixture
def run(tmp_path) -> Path:
    """A run of two steps; 1 is its EOS."""
    save_tokenizer(tmp_path / "run" / "tokenizer")
    write_answers(tmp_path / "run", 1, [answer((20, 21), (5, 6, 1), 0), answer((20, 21), (7,), 1)], 1.0)
    write_answers(tmp_path / "run", 2, [answer((22,), (), 0), answer((22,), (8, 9, 10, 11, 12), 1)], 1.0)
    return tmp_path / "run"


def test_answers_are_documents_and_prompts_are_masked(run, tmp_path):
    manifest = write_traces(run, tmp_path / "tokens")
    documents = DocumentTokens(manifest)
    found = [(documents.read(place).tolist(), documents.trained(place).tolist()) for place in range(3)]
    assert found == [
        ([20, 21, 5, 6, 1], [False, False, True, True, True]),
        ([20, 21, 7, 1], [False, False, True, False]),
        ([22, 8, 9, 10, 11, 12, 1], [False, True, True, True, True, True, False]),
    ]
    assert (manifest.rows, manifest.dropped, manifest.totals.trained) == (4, {"empty": 1}, 9)
    assert [shard.documents for shard in manifest.shards] == [2, 1]
    assert (manifest.source.kind, manifest.source.location) == ("rollouts", "../run")
    assert [file.path for file in manifest.source.files] == [
        "rollouts/step-0000001.parquet",
        "rollouts/step-0000002.parquet",
    ]
    assert manifest.tokenizer.xxh3_128 == file_digest(run / "tokenizer" / "tokenizer.json")
    origins = documents.origins(np.arange(3))
    assert [(int(origin["file"]), int(origin["row"])) for origin in origins] == [(0, 0), (0, 1), (1, 1)]
    assert TokenManifest.load(tmp_path / "tokens").verify(full=True) == []
    assert write_traces(run, tmp_path / "again").digest == manifest.digest


def test_positions_are_in_what_the_model_wrote(run, tmp_path, world):
    save_tokenizer(tmp_path / "proxy")
    config = AutoConfig.for_model(**MODEL)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "proxy")
    write_traces(run, tmp_path / "tokens")
    measure_in(world, tmp_path / "tokens", tmp_path / "proxy", tmp_path / "out", floor=0.0)
    measured = open_positions(tmp_path / "out")
    vocabulary = find_proxy(str(tmp_path / "proxy")).token_bytes()
    found = select(Selection(), measured.open_tokens(), vocabulary, measured)
    pairs = sorted(zip(found.document.tolist(), found.offset.tolist(), strict=True))
    assert pairs == [(0, 2), (0, 3), (1, 2), *((2, offset) for offset in range(1, 6))]


def test_a_run_without_its_tokenizer_is_refused(run, tmp_path):
    assert len(rollout_files(run)) == 2
    (run / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(BadInput, match=r"no tokenizer/tokenizer.json; restore the run's tokenizer"):
        write_traces(run, tmp_path / "tokens")


def test_a_vocabulary_that_is_the_runs_own_will_do(run, tmp_path):
    """A tokenizer that was saved anew has other bytes, and the same tokens."""
    proxy = save_tokenizer(tmp_path / "proxy")
    path = proxy / "tokenizer.json"
    path.write_text(path.read_text() + "\n")
    (proxy / "config.json").write_text(AutoConfig.for_model(**MODEL).to_json_string())
    (proxy / "model.safetensors").touch()  # no weight is read
    files, documents = find_proxy(str(proxy)), DocumentTokens(write_traces(run, tmp_path / "tokens"))
    files.check(documents)
    save_tokenizer(proxy, "abc")
    with pytest.raises(BadInput, match="which made"):
        files.check(documents)
    save_tokenizer(proxy)
    path.write_text(path.read_text() + "\n")
    run.rename(tmp_path / "elsewhere")  # then nothing tells whose tokens they are
    with pytest.raises(BadInput, match="which made"):
        files.check(documents)
