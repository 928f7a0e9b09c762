"""RL on verifiable answers as a task: questions from a file, answers graded, accuracy on benchmarks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from pipeline.progress import Reporter
from training.evaluate.evaluate import Asked, evaluate, prepare
from training.evaluate.protocol import EvaluationSettings
from training.model import check_context, check_vocabulary, load_model_config
from training.rl.answers import Answer
from training.rl.prompts import Prompts
from training.rl.rewards import load_reward, rewards
from training.rl.rollout import Completion, RolloutEngine
from training.rl.scorer import Scorers
from training.rl.settings import LoadedRlRun, RlEvaluation
from training.rl.task import EVALUATED_TOGETHER, Evaluation, Prompt, PromptState, Verdict, evaluation_folder


class AnswerTask:
    """A `Task` of questions with answers that a grader can check.

    Args:
        loaded: the run.
        tokenizer: of the model.

    Raises:
        BadInput: prompts, reward or evaluation cannot work.
    """

    language = None
    average_decay = None
    warmup = None

    def __init__(self, loaded: LoadedRlRun, tokenizer: Any) -> None:
        self._loaded, self._run, self._tokenizer = loaded, loaded.run, tokenizer
        self.prompts = Prompts(self._run.prompts, loaded.resolve(self._run.prompts.path), tokenizer)
        self.digest, self.stop = self.prompts.digest, self.prompts.stop
        named = self._run.reward.function
        self._function = None if named is None else load_reward(named, loaded.folder)
        self.evaluated = self._prepare_evaluation()
        evaluation = [tuple(tokenizer.encode(prompt)) for asked in self.evaluated for prompt in asked.prompts]
        tokens = [*(prompt.tokens for prompt in self.prompts.prompts), *evaluation]
        self.longest_prompt = max(map(len, tokens))
        config = load_model_config(self._run.model, loaded.folder)
        check_vocabulary(config, max(max(ids, default=0) for ids in tokens))
        check_context(config, self.longest_prompt, self._run.sampling.longest)
        self.headline = f"eval/accuracy/{self.evaluated[0].name}" if self.evaluated else "rollout/accuracy"

    def _prepare_evaluation(self) -> list[Asked]:
        settings = self._run.evaluation
        if settings is None:
            return []
        data = self._loaded.resolve(settings.data)
        if not data.exists():
            raise BadInput(f"evaluation.data: {data}: no such file or folder; give the one with the tasks' JSONL files")
        return prepare(settings.tasks, self._protocol(settings, 0), data)

    def _protocol(self, settings: RlEvaluation, step: int) -> EvaluationSettings:
        return EvaluationSettings(
            template=self._run.prompts.template,
            max_new_tokens=self._run.sampling.max_new_tokens(step),
            last_box=self._run.reward.last_box,
            limit=settings.limit,
        )

    def take(self, state: PromptState, count: int) -> tuple[list[tuple[int, Prompt]], PromptState]:
        """The next prompts that are not retired.

        Raises:
            BadInput: all are retired.
        """
        return self.prompts.take(state, count)

    def reward(
        self, prompts: Sequence[Prompt], groups: Sequence[Sequence[Completion]], scorers: Scorers
    ) -> list[list[Verdict]]:
        """Graded by the run's reward settings."""
        owned = [(prompt, answer) for prompt, group in zip(prompts, groups, strict=True) for answer in group]
        values, grades = rewards(
            self._run.reward,
            [prompt.answer for prompt, _ in owned],
            [completion.text for _, completion in owned],
            [len(completion.tokens) for _, completion in owned],
            self._function,
        )
        verdicts = iter(Verdict(value, one.correct, one.status) for value, one in zip(values, grades, strict=True))
        return [[next(verdicts) for _ in group] for group in groups]

    def note(self, state: PromptState, answers: Sequence[Answer]) -> PromptState:
        """Notes which prompts were answered right by every answer, so that easy ones retire."""
        right: dict[int, bool] = {}
        for answer in answers:
            right[answer.prompt] = right.get(answer.prompt, True) and answer.correct
        return self.prompts.note(state, right)

    def figures(self, state: PromptState) -> dict[str, float]:
        """Prompts that are passed over."""
        return {
            "prompts/retired": float(self.prompts.retired(state)),
            "prompts/too_long": float(self.prompts.too_long),
        }

    def evaluate(self, step: int, engine: RolloutEngine, folder: Path) -> Evaluation | None:
        """Accuracy on the run's tasks, greedy, with the template and length limit of the step before."""
        settings, run = self._run.evaluation, self._run
        if settings is None or (step % settings.every_steps and step != run.num_steps):
            return None
        results = evaluate(
            run.name,
            engine,
            self._tokenizer,
            settings.tasks,
            self._protocol(settings, max(0, step - 1)),
            self._loaded.resolve(settings.data),
            evaluation_folder(folder, step),
            Reporter(quiet=False),
            EVALUATED_TOGETHER,
        )
        found = {f"eval/accuracy/{result.task}": result.pass_at["1"].value for result in results}
        found |= {f"eval/length/{result.task}": result.mean_tokens for result in results}
        found |= {
            f"eval/length_correct/{result.task}": result.mean_tokens_correct
            for result in results
            if result.mean_tokens_correct is not None
        }
        found |= {f"eval/at_limit/{result.task}": result.at_limit for result in results}
        return Evaluation(found, ", ".join(f"{result.task} {result.pass_at['1'].value:.1%}" for result in results))
