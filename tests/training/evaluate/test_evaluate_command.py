"""The command on a model in Hugging Face format: a table on standard output, every response kept."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from pipeline.errors import BadInput
from support.rl import MODEL, save_tokenizer
from support.rpt import write_ground
from training.commands import evaluate


def test_a_model_is_evaluated_from_the_command_line(tmp_path: Path) -> None:
    config = AutoConfig.for_model(**MODEL)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "model")
    save_tokenizer(tmp_path / "model")
    rows = [{"question": f"{n}+1=", "answer": str(n + 1)} for n in range(3)]
    (tmp_path / "svamp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = [
        "evaluate",
        "model",
        "--tasks",
        "svamp",
        "--data",
        ".",
        "--set",
        "template=simple",
        "--set",
        "max_new_tokens=8",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mathmill", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("| model | measure | svamp (1) |")
    assert "3 problems, a part of the benchmark; 0-shot, simple, greedy, 8 tokens" in done.stdout
    (responses,) = (tmp_path / "out/evaluate/model/responses").glob("svamp-*.jsonl")
    assert len(responses.read_text(encoding="utf-8").splitlines()) == 3


def test_responses_of_one_model_are_never_anothers(tmp_path: Path) -> None:
    for place, folder in enumerate(("one/export", "two/export")):
        torch.manual_seed(place)
        AutoModelForCausalLM.from_config(AutoConfig.for_model(**MODEL)).save_pretrained(tmp_path / folder)
        save_tokenizer(tmp_path / folder)
    (tmp_path / "svamp.jsonl").write_text('{"question": "1+1=", "answer": "2"}\n', encoding="utf-8")
    one, two = (str(tmp_path / folder) for folder in ("one/export", "two/export"))
    settings = ["template=simple", "max_new_tokens=2"]
    for _ in range(2):
        evaluate([one], tasks="svamp", data=tmp_path, out=tmp_path / "out", overrides=settings)
    with pytest.raises(BadInput, match="holds responses of other weights"):
        evaluate([two], tasks="svamp", data=tmp_path, out=tmp_path / "out", overrides=settings)
    with pytest.raises(BadInput, match="two models are called export"):
        evaluate([one, two], tasks="svamp", data=tmp_path, out=tmp_path / "out", overrides=settings)


def test_a_model_is_evaluated_on_positions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ground(tmp_path)
    AutoModelForCausalLM.from_config(AutoConfig.for_model(**MODEL)).save_pretrained(tmp_path / "model")
    save_tokenizer(tmp_path / "model")
    settings = [f"template={tmp_path / 'tiny.yaml'}", "count=5", "max_new_tokens=4", "bands={disjoint: true}"]
    for _ in range(2):  # what is there is not drawn again
        evaluate([str(tmp_path / "model")], positions=tmp_path / "positions", out=tmp_path / "out", overrides=settings)
    table = capsys.readouterr().out.splitlines()
    (head,) = {line for line in table if line.startswith("| model | measure |")}
    assert "next-token-plain-" in head
    assert "next-token-reasoning-" in head
    assert any(
        line.endswith("nats; protocol " + line[-12:]) and "reasoning, greedy, 4 tokens" in line for line in table
    )
    with pytest.raises(BadInput, match="give either --tasks"):
        evaluate([str(tmp_path / "model")])
