"""The GPU program runs on a CPU with a tiny shape, with no more than it promises to need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_midtrain import SHAPES, report
from training.flops import flops_per_token, matmul_parameters
from training.model import load_model_config, meta_model
from training.run import ModelSettings

ROOT = Path(__file__).parents[2]
UNWANTED = ["pyarrow", "xxhash", "psutil", "datatrove", "datasets", "math_verify", "typer", "duckdb"]


def test_one_measurement_needs_torch_transformers_numpy_and_pydantic_alone():
    code = f"""
import sys
for name in {UNWANTED}:
    sys.modules[name] = None
from benchmarks.gpu_midtrain import measure_one
sys.exit(measure_one("mathmill", "tiny", 2, False, 0.0))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["checks"]["isolated"]
    assert figures["tokens_per_s"] > 0
    assert sum(figures["profile"]["shares"].values()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("name", "billions", "gflop"), [("1b", 1.236, 9.03), ("3b", 3.213, 23.50)])
def test_the_shapes_are_llamas(name, billions, gflop):
    settings = ModelSettings(config=SHAPES[name].config)
    config = load_model_config(settings, ROOT)
    num_matmul = matmul_parameters(meta_model(settings, config), config)
    assert num_matmul / 1e9 == pytest.approx(billions, abs=1e-3)
    assert flops_per_token(num_matmul, config, 4096) / 1e9 == pytest.approx(gflop, abs=0.01)


def test_a_missed_target_and_leaking_documents_are_told(capsys):
    found = {"tokens_per_s": 100.0, "tflops": 1.0, "mfu": 0.1, "peak_memory_gib": 1.0, "micro_batch": 1}
    sides = {"mathmill": found | {"checks": {"isolated": False}}, "transformers": found}
    assert report({"1b": sides}) == 1
    printed = capsys.readouterr().out
    assert "1b: 100 tokens/s, the target is 55,000" in printed
    assert "documents are not isolated" in printed
    assert torch.cuda.is_available() or report({"tiny": {"mathmill": found | {"checks": {"isolated": True}}}}) == 0
