"""Next-token accuracy during an RPT run, on positions that are never trained on."""

from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from pipeline.progress import Reporter
from training.documents import DocumentTokens
from training.evaluate.next_token import Asker, evaluate_next_token
from training.rl.rollout import RolloutEngine
from training.rl.task import EVALUATED_TOGETHER, Evaluation, evaluation_folder
from training.rpt.encoding import Encoder
from training.rpt.objectives.next_token import NextTokenSettings
from training.rpt.objectives.settings import make_objective
from training.rpt.positions import PositionManifest, Positions, open_positions
from training.rpt.questions import Questions, split_held_out
from training.rpt.selection import select
from training.rpt.settings import LoadedRptRun, RptEvaluation
from training.tokenizer import FILE


class HeldOut:
    """Evaluates a policy on held-out positions.

    Args:
        run: name of the run.
        settings: of the evaluation.
        asker: makes the prompts.
        positions: all of them are evaluated, every time.
        num_steps: of the run; its end is evaluated too.
    """

    def __init__(self, run: str, settings: RptEvaluation, asker: Asker, positions: Positions, num_steps: int) -> None:
        self._run, self._settings, self._asker, self.positions = run, settings, asker, positions
        self._num_steps = num_steps
        filled = [band for band, part in settings.bands.split(positions).items() if len(part)]
        self.headline = f"eval/accuracy/{settings.modes[-1]}-{filled[0]}"
        """The figure of metrics.jsonl that tells how the run goes: accuracy on the first band that has positions."""

    def __str__(self) -> str:
        return f"{self._settings.describe(self.positions)}, every {self._settings.every_steps} steps"

    def evaluate(self, step: int, engine: RolloutEngine, folder: Path) -> Evaluation | None:
        """The evaluation after `step` steps, None where none is due; responses go to `folder`/evaluations."""
        settings = self._settings
        due = settings.at_start if step == 0 else step % settings.every_steps == 0 or step == self._num_steps
        if not due and step not in settings.at_steps:
            return None
        out, figures, words = evaluation_folder(folder, step), dict[str, float](), []
        for mode in settings.modes:
            protocol = settings.protocol(mode)
            for result in evaluate_next_token(
                self._run,
                engine,
                self._asker,
                self.positions,
                protocol,
                settings.bands,
                out,
                Reporter(quiet=False),
                EVALUATED_TOGETHER,
            ):
                name = result.task.removeprefix("next-token-")
                figures[f"eval/accuracy/{name}"] = result.pass_at["1"].value
                words.append(f"{name} {result.pass_at['1'].value:.1%}")
                if mode == "reasoning":
                    figures[f"eval/length/{name}"] = result.mean_tokens
                    figures[f"eval/at_limit/{name}"] = result.at_limit
        return Evaluation(figures, ", ".join(words))


def open_held_out(
    loaded: LoadedRptRun, tokenizer: Any, encoder: Encoder, documents: DocumentTokens, measured: PositionManifest | None
) -> HeldOut | None:
    """The evaluation of a run; None where it has none.

    Args:
        loaded: the run.
        tokenizer: of the model.
        encoder: the same.
        documents: of the run's own positions.
        measured: their manifest, where they were measured.

    Raises:
        BadInput: there are no measured positions, another tokenizer made their tokens, none is held out, or no template
            that carries a prediction is named.
    """
    run, settings = loaded.run, loaded.run.evaluation
    if settings is None:
        return None
    share = run.positions.held_out
    if settings.positions is not None:
        measured = open_positions(loaded.resolve(settings.positions))
        documents = measured.open_tokens()
        encoder.check(documents, *tokenizer_file(loaded))
    elif measured is None or not share:
        raise BadInput(
            "evaluation: no positions to evaluate on; set evaluation.positions to a folder that `mathmill positions` "
            "made of other texts, or positions.held_out to a share of the documents of positions.path"
        )
    template = settings.template
    if template is None:
        if not isinstance(run.objective, NextTokenSettings):
            raise BadInput(
                f"evaluation.template is missing: the objective {run.objective.kind} has none with a prediction; name "
                "one, rpt-plain say"
            )
        template = run.objective.template
    objective = make_objective(NextTokenSettings(template=template), encoder, loaded.folder)
    questions = Questions(documents, encoder.token_bytes, objective, run.max_prompt_tokens, run.window_hop)
    positions = select(settings.selection, documents, encoder.token_bytes, measured)
    if settings.positions is None:
        _, positions = split_held_out(positions, share, run.positions.selection.seed)
    positions = settings.first(positions)
    if not len(positions):
        raise BadInput("evaluation: no held-out document has a position in the bands; raise positions.held_out")
    asker = Asker(questions.ask, objective, encoder.token_bytes, tokenizer, Path(template).stem)
    return HeldOut(run.name, settings, asker, positions, run.num_steps)


def tokenizer_file(loaded: LoadedRptRun) -> tuple[str, Path]:
    """The name of a run's tokenizer, and where its file would be."""
    name = str(loaded.run.tokenizer or loaded.run.model.path)
    return name, loaded.resolve(name) / FILE
