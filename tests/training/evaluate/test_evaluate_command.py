"""The command on a model in Hugging Face format: a table on standard output, every response kept."""

import json
import subprocess
import sys
from pathlib import Path

from transformers import AutoConfig, AutoModelForCausalLM

from support.rl import MODEL, save_tokenizer


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
