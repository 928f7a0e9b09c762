"""Checkpoints are copied elsewhere as they are finished: whole, and on the Hub as one commit."""

import pytest

from pipeline.errors import BadInput
from support.runs import write_run
from training.checkpoint import complete_checkpoints
from training.midtrain import train_in
from training.run import load_run


def train(world, folder, address):
    """A run of eight steps: its checkpoints, file by file."""
    train_in(world, load_run(write_run(folder, checkpoints={"every_steps": 4, "upload": address})), folder / "out")
    steps = complete_checkpoints(folder / "out")
    return {f"tiny/{step.name}/{file.name}": file.read_bytes() for step in steps for file in step.iterdir()}


def test_to_a_model_repository(world, hub, tmp_path):
    hub.fail("commit", 503, "lost")
    written = train(world, tmp_path, "hf://lab/runs/nightly")
    assert hub.files("lab/runs", kind="model") == {f"nightly/{path}": data for path, data in written.items()}
    repo = hub.repos["model", "lab/runs"]
    assert repo.private
    first, second = (commit for commit in repo.history()[1:] if commit.changed)
    assert {path.split("/")[2] for path in first.changed} == {"step-0000004"}
    assert {path.split("/")[2] for path in second.changed} == {"step-0000008"}
    assert "nightly/tiny/step-0000008/done.json" in second.changed


def test_to_s3(world, s3, tmp_path):
    written = train(world, tmp_path, "s3://bucket/runs/")
    assert {path: s3.cat_file(f"bucket/runs/{path}") for path in written} == written
    assert len(s3.find("bucket")) == len(written)


def test_to_a_folder(world, tmp_path):
    written = train(world, tmp_path, str(tmp_path / "copies"))
    assert {path: (tmp_path / "copies" / path).read_bytes() for path in written} == written


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf://lab", "not of the form hf://"),
        ("hf://lab/runs", "no token; run `hf auth login`"),
        ("nowhere://x", "nowhere://x: .*use s3://, https:// or a local path"),
    ],
)
def test_what_cannot_work_is_told_before_the_first_step(world, hub, tmp_path, monkeypatch, address, words):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(BadInput, match=words):
        train(world, tmp_path, address)
    assert complete_checkpoints(tmp_path / "out") == []
