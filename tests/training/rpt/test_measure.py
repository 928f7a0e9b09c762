"""Position folders: what stands in them, on any number of ranks, over kills, and the refusals of the command."""

import shutil
import signal

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM

import manifests
import training.rpt.measure
import training.rpt.pieces
from pipeline.errors import BadInput, BuildFailed
from pipeline.files import read_json
from pipeline.interrupt import Interrupted
from pipeline.progress import Reporter
from support.proxies import CONTEXT, job, kill_in_part, measure_in, write_proxy
from support.ranks import run_ranks
from support.runs import run
from support.tokens import TOKENIZER, write_tokens
from training.commands import verify
from training.documents import DocumentTokens
from training.rpt.command import run_positions
from training.rpt.measure import render_plan
from training.rpt.positions import PositionManifest, open_positions
from training.rpt.proxy import find_proxy, load_proxy
from training.rpt.report import write_page
from training.rpt.selection import Selection, select
from training.tokenize.encoder import open_encoder
from training.tokens import TokenManifest

TEXTS = ["Let $x$ be a number.", "∑ 1/n² is π²/6; é.", "Question? " * 12, "User: Hi", "", "ab" * 30] * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A proxy, and tokens of its own tokenizer in two shards."""
    folder = tmp_path_factory.mktemp("measure")
    encoder = open_encoder(str(write_proxy(folder / "proxy")))
    ids = [[*encoder.backend.encode(text).ids, 1] for text in TEXTS]
    write_tokens(folder / "tokens", ids, tokenizer=encoder.tokenizer, shards=2)
    return folder


def files(out):
    return {path.name: path.read_bytes() for path in sorted((out / "data").iterdir())}


@pytest.fixture(scope="module")
def measured(folder, world):
    measure_in(world, folder / "tokens", folder / "proxy", folder / "out", dtype="float64")
    return open_positions(folder / "out")


def test_figures_are_those_of_the_model(folder, measured):
    """Against transformers' own forward of each document or window alone."""
    model = AutoModelForCausalLM.from_pretrained(folder / "proxy", dtype=torch.float64)
    documents = measured.open_tokens()
    wanted, entropies, fulls, logprobs, correct = {}, [], [], [], 0
    for document in range(documents.documents):
        ids = documents.read(document)
        for offset in range(1, len(ids) - 1):
            # The first window of 32 that reaches the offset; windows begin every 16 tokens.
            start = max(0, -(-(offset - CONTEXT) // (CONTEXT // 2)) * (CONTEXT // 2))
            with torch.no_grad():
                logprob = model(torch.tensor(ids[start:offset])[None]).logits[0, -1].log_softmax(0)
            best = logprob.topk(16).values.log_softmax(0)
            row = [-(best.exp() * best).sum(), -(logprob.exp() * logprob).sum(), logprob[ids[offset]]]
            wanted[document, offset] = [*map(float, row), bool(logprob.argmax() == ids[offset])]
    for entropy, full, logprob, right in wanted.values():
        correct += right
        for values, value in ((entropies, entropy), (fulls, full), (logprobs, logprob)):
            values.append(value)
    rows = [row for file in measured.files for row in pq.read_table(measured.folder / file.path).to_pylist()]
    assert {(row["document"], row["offset"]) for row in rows} == {pair for pair, row in wanted.items() if row[0] >= 0.5}
    assert [(row["document"], row["offset"]) for row in rows] == sorted(
        (row["document"], row["offset"]) for row in rows
    )
    for row in rows:
        entropy, full, logprob, right = wanted[row["document"], row["offset"]]
        np.testing.assert_allclose(row["entropy"], entropy, rtol=1e-6)
        np.testing.assert_allclose(row["full_entropy"], full, rtol=1e-6)
        np.testing.assert_allclose(row["logprob"], logprob, rtol=1e-6)
        assert row["correct"] == right
    totals = measured.totals
    assert (totals.documents, totals.tokens) == (len(TEXTS), documents.manifest.totals.tokens)
    assert (totals.positions, totals.stored, totals.correct) == (len(wanted), len(rows), correct)
    assert totals.stored < totals.positions
    np.testing.assert_allclose(
        [totals.mean_entropy, totals.mean_full_entropy, totals.loss],
        [np.mean(entropies), np.mean(fulls), -np.mean(logprobs)],
        rtol=1e-6,
    )
    assert sum(measured.entropy.counts) == sum(measured.full_entropy.counts) == len(wanted)
    for threshold in (0, 0.5, 1.0, 1.5):
        assert measured.entropy.at_least(threshold) == sum(np.float32(value) >= threshold for value in entropies)
        assert measured.full_entropy.at_least(threshold) == sum(np.float32(value) >= threshold for value in fulls)


def test_the_folder_says_what_it_is(folder, measured):
    assert measured.verify(full=True) == []
    assert read_json(manifests.ROOT / "schema" / "positions.schema.json") == PositionManifest.json_schema()
    tokens = measured.open_tokens()
    assert tokens.manifest.digest == measured.tokens.xxh3_128
    assert measured.tokens.location == "../tokens"
    assert (measured.floor, measured.context, measured.top) == (0.5, CONTEXT, 16)
    assert measured.proxy.name == "proxy"
    assert len(measured.files) == 3
    proxy = job(folder / "tokens", folder / "proxy", folder).proxy
    found = select(Selection(low=1.0, seed=1), tokens, proxy.token_bytes(), measured)
    assert len(found) > 10
    samples = pq.read_table(measured.folder / measured.samples.path).to_pylist()
    assert len(samples) == 20
    for sample in samples:
        ids = tokens.read(sample["document"])
        assert proxy.token_bytes().of(ids[sample["offset"] :].tolist())[0].decode() == sample["after"][0]
        assert TEXTS[sample["document"]].startswith(sample["before"])
        chances = [guess["probability"] for guess in sample["guesses"]]
        assert chances == sorted(chances, reverse=True)
        for guess in sample["guesses"]:
            if guess["text"] == sample["after"][0]:
                np.testing.assert_allclose(guess["probability"], np.exp(sample["logprob"]), rtol=1e-5)
        assert sample["correct"] == (sample["guesses"][0]["text"] == sample["after"][0])
    assert [sample["entropy"] for sample in samples] == sorted(sample["entropy"] for sample in samples)


def test_documents_without_positions(folder, world, tmp_path):
    tokenizer = TokenManifest.load(folder / "tokens").tokenizer
    write_tokens(tmp_path / "tokens", [[1], [5, 1]], tokenizer=tokenizer)
    measure_in(world, tmp_path / "tokens", folder / "proxy", tmp_path / "out")
    measured = open_positions(tmp_path / "out")
    assert (measured.totals.documents, measured.totals.positions, measured.entropy.counts) == (2, 0, ())
    assert "No position was stored." in write_page(measured).read_text()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_ranks_write_the_same_bytes(folder, world, two_ranks, dtype):
    alone = measure_in(world, folder / "tokens", folder / "proxy", folder / f"alone-{dtype}", dtype)
    digests = two_ranks.run(measure_in, folder / "tokens", folder / "proxy", folder / f"two-{dtype}", dtype)
    assert digests == [alone, alone]
    assert files(folder / f"alone-{dtype}") == files(folder / f"two-{dtype}")


def test_a_killed_run_keeps_its_parts_and_goes_on(folder, world, tmp_path):
    whole = measure_in(world, folder / "tokens", folder / "proxy", tmp_path / "whole")
    args = folder / "tokens", folder / "proxy", tmp_path / "killed"
    assert run_ranks(1, kill_in_part, *args, 2) == [-signal.SIGKILL]
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed" / "parts").glob("0*.json")}
    assert len(kept) == 2
    planned = job(*args)
    assert f"{len(planned.parts) - 2} of {len(planned.parts)} parts to do" in render_plan(planned)
    assert not (tmp_path / "killed" / "positions.json").exists()
    assert measure_in(world, *args) == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert not list((tmp_path / "killed").rglob(".*.tmp"))


def test_other_settings_do_not_mix(folder, world, measured):
    with pytest.raises(BadInput, match="holds positions of another settings"):
        measure_in(world, folder / "tokens", folder / "proxy", folder / "out", dtype="float64", floor=1.0)
    write_proxy(folder / "other", seed=1)
    with pytest.raises(BadInput, match="holds positions of another proxy"):
        measure_in(world, folder / "tokens", folder / "other", folder / "out", dtype="float64")


def test_the_command_on_a_corpus_under_torchrun(folder, tmp_path, corpus):
    out = tmp_path / "out"
    done = run("positions", corpus, "--proxy", folder / "proxy", "--out", out, cwd=tmp_path, ranks=2)
    measured = open_positions(out)
    assert done.stdout == measured.describe() + "\n"
    assert (measured.name, measured.totals.documents, measured.tokens.location) == ("lessons", 60, "tokens")
    assert "https://m.test/" in (out / "report.html").read_text(), "pages are named"


def test_an_interruption_keeps_finished_parts_and_frees_the_folder(folder, world, tmp_path, monkeypatch):
    args = folder / "tokens", folder / "proxy", tmp_path / "out"
    passes = []

    def piece_rows(batch, device):
        passes.append(batch)
        if len(passes) == 5:
            raise Interrupted("SIGINT")
        return training.rpt.pieces.piece_rows(batch, device)

    monkeypatch.setattr(training.rpt.measure, "piece_rows", piece_rows)
    with pytest.raises(Interrupted):
        measure_in(world, *args)
    monkeypatch.undo()
    assert [path.name for path in sorted((tmp_path / "out" / "parts").iterdir())] == ["00000.json", "settings.json"]
    assert not list((tmp_path / "out").glob("*.lock"))
    assert measure_in(world, *args) == measure_in(world, folder / "tokens", folder / "proxy", tmp_path / "whole")


def test_a_plan_touches_nothing(folder, tmp_path, capsys, corpus):
    def plan(source):
        run_positions(
            str(source), str(folder / "proxy"), tmp_path / "out", floor=0.5, plan=True, reporter=Reporter(quiet=True)
        )
        return capsys.readouterr().out

    assert "1 of 1 parts to do, 519 tokens" in plan(folder / "tokens")
    assert "lessons (corpus) to " in plan(corpus)
    assert not list(tmp_path.iterdir())


def test_verify_names_what_is_not_whole(measured, capsys):
    verify(measured.folder, full=True)
    assert capsys.readouterr().out == measured.describe() + "; whole (sizes and digests)\n"
    path = measured.folder / measured.files[0].path
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(BuildFailed, match=r"00000.parquet: xxh3_128 does not match the manifest"):
        verify(measured.folder, full=True)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("source", "proxy", "settings", "words"),
    [
        ("tokens", "nowhere", {}, "--proxy .*/nowhere: no such folder; give a model's folder"),
        ("tokens", "tokens", {}, r"neither a model \(config.json\) nor a complete checkpoint"),
        ("tokens", "bare", {}, r"no weights \(\*.safetensors\) in .*; save the model there"),
        ("tokens", "mute", {}, "no tokenizer.json in .*; save its tokenizer there"),
        ("tokens", "proxy", {"floor": 3}, "--floor 3: entropies over 16 tokens lie from 0 to 2.7726 nats"),
        ("tokens", "proxy", {"context": 33}, "--context 33: proxy takes from 2 to 32 tokens"),
        ("tokens", "proxy", {"dtype": "int8"}, "--dtype int8: no such type"),
        ("tokens", "narrow", {}, "--proxy narrow: vocab_size 61 in its config, but .* which has 300 ids"),
        ("foreign", "proxy", {}, r"its tokenizer.json \(\w+\) is not toy \(0+\), which made .*; tokenize with"),
        ("bare", "proxy", {}, "no such corpus, file or folder"),
    ],
)
def test_bad_input_names_the_mend(folder, tmp_path, source, proxy, settings, words):
    for name, files in {"bare": ("config.json",), "mute": ("config.json", "model.safetensors")}.items():
        (folder / name).mkdir(exist_ok=True)
        for file in files:
            (folder / name / file).write_bytes((folder / "proxy" / file).read_bytes())
    write_proxy(folder / "narrow", vocab_size=61)
    theirs = TOKENIZER.model_copy(update={"vocab_size": 300})
    write_tokens(folder / "foreign", [[5, 0], [*map(ord, "anew"), 0]], tokenizer=theirs)
    with pytest.raises(BadInput, match=words):
        run_positions(
            str(folder / source),
            str(folder / proxy),
            tmp_path / "out",
            **{"floor": 0.5, **settings},
            reporter=Reporter(quiet=True),
        )
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_was_saved_anew_is_told_by_what_it_makes(folder):
    """Its file has other bytes, and documents whose texts it encodes to the very ids."""
    encoder = open_encoder(str(folder / "proxy"))
    tokenizer = encoder.tokenizer.model_copy(update={"xxh3_128": "0" * 32})
    ids = [[*encoder.backend.encode(text).ids, 1] for text in TEXTS]
    files = find_proxy(str(folder / "proxy"))
    files.check(DocumentTokens(write_tokens(folder / "anew", ids, tokenizer=tokenizer)))
    letters = [encoder.backend.token_to_id(letter) for letter in "number"]
    assert letters != encoder.backend.encode("number").ids
    with pytest.raises(BadInput, match="which made"):
        files.check(DocumentTokens(write_tokens(folder / "cut", [*ids[:2], [*letters, 1]], tokenizer=tokenizer)))


def test_weights_that_are_not_whole_are_named_in_one_line(folder, tmp_path, world):
    proxy = tmp_path / "cut"
    shutil.copytree(folder / "proxy", proxy)
    weights = proxy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(BadInput, match=r"^model.path: .*cut: its weights .*header.*; save the model there again$"):
        load_proxy(find_proxy(str(proxy)), "float32", world)


def test_a_file_in_the_place_of_the_folder_is_named(folder, tmp_path, world):
    (tmp_path / "out").write_text("")
    with pytest.raises(BadInput, match=r"^--out .*/out: File exists; name a folder that can be made and written$"):
        measure_in(world, folder / "tokens", folder / "proxy", tmp_path / "out")
