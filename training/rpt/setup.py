"""Everything that an RPT run reads before its first step, checked: tokens, positions, tokenizer, template, lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pipeline.errors import BadInput
from pipeline.files import digest
from training.documents import DocumentTokens
from training.model import check_context, load_model_config
from training.rl.lessons import Language
from training.rl.task import PromptState, WarmUp
from training.rpt.encoding import Encoder
from training.rpt.evaluation import open_held_out, tokenizer_file
from training.rpt.objectives.objective import Objective
from training.rpt.objectives.settings import make_objective
from training.rpt.positions import PositionManifest, Positions, open_positions
from training.rpt.questions import QuestionOrder, Questions, are_held_out, split_held_out
from training.rpt.selection import select
from training.rpt.settings import LoadedRptRun, RptRun, WarmUpSettings
from training.rpt.task import RptTask
from training.rpt.texts import PlainTexts
from training.rpt.warmup import FormatWarmUp
from training.tokens import TokenManifest
from training.verified import check_shards


@dataclass(frozen=True)
class Ground:
    """What a run stands on."""

    documents: DocumentTokens
    positions: Positions
    """To train on, in the order of the first pass."""
    held_out: Positions
    """Of the documents that are not trained on."""
    measured: PositionManifest | None
    """Where the positions were measured."""
    encoder: Encoder
    objective: Objective
    questions: Questions
    digest: str
    """Of everything that the questions and their order depend on."""


def open_ground(loaded: LoadedRptRun, tokenizer: Any, *, verify: bool = False) -> Ground:
    """Read and check what a run stands on.

    With `verify`, the digest of every token shard too; of many ranks on a machine one needs to.

    Raises:
        BadInput: something is missing, or does not fit something else.
    """
    run, settings = loaded.run, loaded.run.positions
    documents, measured = open_documents(loaded)
    if verify:
        check_shards(documents.manifest, full=True)
    encoder = Encoder(tokenizer)
    encoder.check(documents, *tokenizer_file(loaded))
    _check_model(loaded, documents)
    objective = make_objective(run.objective, encoder, loaded.folder)
    chosen = select(settings.selection, documents, encoder.token_bytes, measured)
    positions, held_out = split_held_out(chosen, settings.held_out, settings.selection.seed)
    if not len(positions):
        raise BadInput(
            f"positions.held_out: {settings.held_out}: all {len(chosen):,} positions are of held-out documents; lower "
            "it, or select more positions"
        )
    questions = Questions(documents, encoder.token_bytes, objective, run.max_prompt_tokens, run.window_hop)
    identity = [
        documents.manifest.digest,
        None if measured is None else measured.digest,
        settings.selection.model_dump(mode="json"),
        settings.held_out,
        objective.digest,
        [questions.windows.limit, questions.windows.hop],
    ]
    return Ground(documents, positions, held_out, measured, encoder, objective, questions, digest(identity))


def open_documents(loaded: LoadedRptRun) -> tuple[DocumentTokens, PositionManifest | None]:
    """The documents of a run, and where its positions were measured.

    Raises:
        BadInput: they are not there, or not whole.
    """
    settings = loaded.run.positions
    measured = None if settings.path is None else open_positions(loaded.resolve(settings.path))
    if settings.tokens is not None:
        return DocumentTokens(TokenManifest.load(loaded.resolve(settings.tokens))), measured
    assert measured is not None, "the settings ask for one of the two"
    return measured.open_tokens(), measured


def make_task(loaded: LoadedRptRun, tokenizer: Any, *, plain: bool = False, verify: bool = False) -> RptTask:
    """The task of a run.

    Args:
        loaded: the run.
        tokenizer: of the model.
        plain: the warm-up learns documents by next-token loss, and no answers: a baseline (`training.rpt.arms`).
        verify: as in `open_ground`.

    Raises:
        BadInput: what `open_ground` refuses, or nothing can be asked anywhere.
    """
    run, ground = loaded.run, open_ground(loaded, tokenizer, verify=verify)
    selection = run.positions.selection
    order = QuestionOrder(ground.questions, ground.positions, selection.together, selection.seed)
    ((_, _, first),), _ = order.take(PromptState(), 1)
    show = partial(_show, ground.encoder)
    language: Language | None = None
    warmup: WarmUp | None = None
    if run.language_loss_weight:
        language = Language(run.language_loss_weight, max(1, len(first.opening) + len(first.head)))
    if run.warmup is not None and plain:
        warmup = _plain_texts(run, run.warmup, ground.documents)
    elif run.warmup is not None:
        end = tokenizer.eos_token_id
        if end is None:
            raise BadInput("tokenizer: it has no EOS token, which ends the answers of a warm-up; set eos_token")
        warmup = FormatWarmUp(run.warmup, order, run.prompts_per_step, ground.objective, ground.encoder, int(end), show)
    evaluation = open_held_out(loaded, tokenizer, ground.encoder, ground.documents, ground.measured)
    return RptTask(order, ground.objective, ground.digest, run.max_prompt_tokens, show, language, warmup, evaluation)


def _plain_texts(run: RptRun, settings: WarmUpSettings, documents: DocumentTokens) -> PlainTexts:
    ordinals, seed = np.arange(documents.documents), run.positions.selection.seed
    trained = ordinals[~are_held_out(ordinals, run.positions.held_out, seed)]
    return PlainTexts(
        documents, trained, run.max_prompt_tokens, settings.steps, run.prompts_per_step, settings.lr, seed
    )


def _show(encoder: Encoder, ids: Sequence[int]) -> str:
    return encoder.token_bytes.response(ids).decode(errors="replace")


def _check_model(loaded: LoadedRptRun, documents: DocumentTokens) -> None:
    """Refuse tokens that the model has no row for, and texts that are longer than it was made for."""
    run = loaded.run
    config = load_model_config(run.model, loaded.folder)
    if config.vocab_size < documents.manifest.tokenizer.vocab_size:
        raise BadInput(
            f"model: vocab_size {config.vocab_size}, but the tokens in {documents.manifest.folder} have "
            f"{documents.manifest.tokenizer.vocab_size} ids; tokenize with the model's own tokenizer"
        )
    check_context(config, run.max_prompt_tokens, run.sampling.longest)
