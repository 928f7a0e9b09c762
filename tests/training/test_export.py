"""A checkpoint of two ranks as a Hugging Face model: keys, types, values, logits, tokenizer."""

import json

import pytest
import torch
from safetensors import safe_open
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import file_digest
from support import tiny
from support.checkpoints import tensors
from support.kills import finish
from support.runs import TOKENIZER, write_mixture_of, write_run
from training import export as exporting
from training.export import export, write_sample


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "words.json"
    vocabulary = {"<end>": 0, **{f"w{index}": index for index in range(1, tiny.VOCAB)}}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="w1"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.add_special_tokens(["<end>"])
    words.save(str(path))
    return path


@pytest.fixture(scope="module", params=["llama", "llama-tied", "qwen-tied"])
def checkpoint(request, tmp_path_factory, two_ranks, tokenizer):
    folder = tmp_path_factory.mktemp(request.param)
    identity = TOKENIZER.model_copy(update={"name": "words", "xxh3_128": file_digest(tokenizer)})
    mixture = write_mixture_of(folder / "mix.yaml", {"web": 0.75, "qa": 0.25}, tokenizer=identity)
    model = {"config": tiny.CONFIGS[request.param], "dtype": "float32"}
    path = write_run(folder, mixture=mixture, model=model, num_steps=2)
    two_ranks.run(finish, path, folder / "out")
    return folder / "out" / "step-0000002"


def weights(checkpoint):
    """Of the model, by the model's names."""
    return {name[6:]: value for name, value in tensors(checkpoint).items() if name.startswith("model.")}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_is_exported_is_what_was_trained(checkpoint, tokenizer, tmp_path, dtype):
    target = export(checkpoint, tmp_path / "model", dtype=dtype, tokenizer=tokenizer)
    model, loading = AutoModelForCausalLM.from_pretrained(target, dtype="auto", output_loading_info=True)
    assert not any(loading.values())
    config = json.loads((target / "config.json").read_text())
    assert config["dtype"] == dtype
    wide = getattr(torch, dtype)
    trained = {name: torch.from_numpy(value).to(wide) for name, value in weights(checkpoint).items()}
    state = model.state_dict()
    assert state.keys() == trained.keys()
    for name, value in trained.items():
        assert state[name].dtype == wide
        assert torch.equal(state[name], value)
    with safe_open(target / "model.safetensors", framework="pt") as file:
        keys = set(file.keys())
    assert keys == set(trained) - ({"lm_head.weight"} if config["tie_word_embeddings"] else set())
    words = AutoTokenizer.from_pretrained(target)
    assert words("w5 w7").input_ids == [5, 7]
    assert words.eos_token_id == 0
    assert write_sample(target, "w5 w7", max_new_tokens=5).startswith("w5 w7")


def test_a_target_that_exists_and_a_missing_tokenizer_are_refused(checkpoint, tokenizer, tmp_path):
    with pytest.raises(BadInput, match="exists; give a new folder"):
        export(checkpoint, tmp_path)
    with pytest.raises(BadInput, match="give --tokenizer FILE"):
        export(checkpoint, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_an_export_that_reads_back_otherwise_does_not_stand(checkpoint, tokenizer, tmp_path, monkeypatch):
    real = exporting._complete_tokenizer

    def damage(folder, record):
        real(folder, record)
        file = folder / "model.safetensors"
        content = bytearray(file.read_bytes())
        content[-3] ^= 0x40
        file.write_bytes(content)

    monkeypatch.setattr(exporting, "_complete_tokenizer", damage)
    with pytest.raises(BuildFailed, match="not what was written"):
        export(checkpoint, tmp_path / "model", tokenizer=tokenizer)
    assert not (tmp_path / "model").exists()


def test_a_run_from_an_exported_model_starts_with_its_weights(checkpoint, tokenizer, tmp_path, world, two_ranks):
    """Hugging Face in: the weights of a folder, on one rank and on two."""
    from support.steps import full_weights
    from training.run import ModelSettings

    target = export(checkpoint, tmp_path / "model", dtype="float32", tokenizer=tokenizer)
    settings = ModelSettings(path=str(target), dtype="float32")
    wanted = weights(checkpoint)
    for found in (full_weights(world, settings), *two_ranks.run(full_weights, settings)):
        assert found.keys() == wanted.keys()
        assert all((found[name] == value).all() for name, value in wanted.items())
