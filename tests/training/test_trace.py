"""From a training step back to the pages."""

import json

import pytest

from pipeline.errors import BadInput
from pipeline.files import write_json
from pipeline.progress import Reporter
from support.crawl import run
from support.tokens import write_mixture
from training.data import open_mixture
from training.tokenize.run import plan_job, tokenize
from training.trace import open_run, trace_step


@pytest.fixture
def mixture(corpus, tmp_path):
    """Two thirds of a corpus with URLs, one third of a file without."""
    (tmp_path / "plain.jsonl").write_text("".join(json.dumps({"text": f"Number {n}. " * 9}) + "\n" for n in range(40)))
    for name, source in (("lessons", corpus), ("plain", tmp_path / "plain.jsonl")):
        tokenize(plan_job((str(source),), "mathmill-bpe-8k", tmp_path / name), 1, Reporter(quiet=True))
    parts = {"lessons": (tmp_path / "lessons", "2/3"), "plain": (tmp_path / "plain", "1/3")}
    return write_mixture(tmp_path / "mix.yaml", parts, sequence_length=32)


def test_a_step_names_its_documents(mixture):
    data = open_mixture(mixture)
    segments = trace_step(data, 2, 6)
    batch = data.sequences(12, 6)
    assert [segment.sequence for segment in segments] == [12 + r for r in range(6) for _ in batch.documents[r]]
    assert sum(segment.tokens for segment in segments) == 6 * 32
    for segment in segments:
        if segment.component == "lessons":
            assert segment.url == f"https://m.test/{int(segment.id, 16)}"
            assert segment.file == f"data/{int(segment.id, 16) // 30}.parquet"
            assert segment.row == int(segment.id, 16) % 30
        else:
            assert (segment.url, segment.file) == (None, "plain.jsonl")


def test_the_command(mixture, corpus, tmp_path):
    content = (
        "{name: small, model: {config: {model_type: llama}}, mixture: mix.yaml, num_steps: 9, sequences_per_step: 6, "
        "schedule: {lr: 0.1}}"
    )
    (tmp_path / "run.yaml").write_text(content)
    expected = [str(segment) for segment in trace_step(open_mixture(mixture), 2, 6)]
    result = run("trace", tmp_path / "run.yaml", "--step", "2")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == expected
    assert "https://m.test/" in result.stdout
    assert "plain.jsonl row" in result.stdout
    neither = run("trace", tmp_path)
    assert neither.returncode == 2
    assert "give a document id or URL of a corpus, or --step N of a run" in neither.stderr


def test_the_folder_of_a_run_and_its_order(mixture, tmp_path):
    data = open_mixture(mixture)
    record = {"run": {"mixture": str(mixture), "sequences_per_step": 6}, "order_digest": data.order_digest}
    for step in (1, 2):
        write_json(tmp_path / "out" / f"step-{step:07d}" / "done.json", record)
    opened, sequences_per_step = open_run(str(tmp_path / "out"))
    assert trace_step(opened, 2, sequences_per_step) == trace_step(data, 2, 6)
    with pytest.raises(BadInput, match=r"step-0000002/done\.json: order_digest: .* restore the mixture and its tokens"):
        open_run(str(tmp_path / "out"), ("seed=1",))
    with pytest.raises(BadInput, match="no complete checkpoint of a run in it; give the run file"):
        open_run(str(tmp_path))
