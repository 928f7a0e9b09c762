"""Next-token accuracy at positions of a text, plain and after a thought, right by one definition in both.

Plain: the likeliest token behind the document alone. Reasoning: a response behind the template's prompt, its prediction
read from its carrier. Either is right when its bytes are the next bytes of the text and end where one of the text's own
tokens ends (RPT's prefix reward, `training.rl.next_token`), so the two compare: a plain prediction is right when it is
the next token, or a token whose bytes are those of several next ones. `first_token` beside it counts the next
token alone. Both see the same window of the document.

RPT (arXiv 2506.08007 section 4.1) splits positions by a proxy's entropy into easy, medium and hard ones, from 0.5, 1.0
and 1.5 nats, each within the one before; disjoint bands are an option.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from pipeline.errors import BadInput
from pipeline.files import digest, parquet_file
from pipeline.frozen import Frozen
from pipeline.progress import Reporter
from training.evaluate.metrics import proportion
from training.evaluate.results import TaskResult, save_results
from training.rl.next_token import prefix_reward
from training.rl.rollout import Completion, Request, RolloutEngine, Sampling
from training.rl.scorer import Scorers
from training.rl.token_bytes import TokenBytes
from training.rpt.objectives.objective import Objective, Question, Rating
from training.rpt.positions import Positions
from training.rpt.selection import Bands, Selection

Mode = Literal["plain", "reasoning"]
FOLDER = "next-token"
"""Of responses, in an evaluation's folder."""
CHUNK = 256
"""Positions between two writes: what an interruption can cost. Larger ones keep an engine busier."""
_SCHEMA = pa.schema(
    [
        ("document", pa.int64()),
        ("offset", pa.int64()),
        ("entropy", pa.float32()),
        ("sample", pa.int64()),
        ("hit", pa.bool_()),
        ("first_token", pa.bool_()),
        ("wanted", pa.string()),
        ("prediction", pa.binary()),
        ("status", pa.string()),
        ("stop_reason", pa.string()),
        ("tokens", pa.list_(pa.int32())),
        ("response", pa.string()),
    ]
)
"""A response. `hit`: its prediction is right by the prefix rule; `first_token`: it is the next token's bytes."""


class Drawing(Frozen):
    """How responses are drawn."""

    samples: int = Field(default=1, ge=1)
    """Responses per position, of which each counts for its share."""
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy."""
    max_new_tokens: int = Field(default=1024, ge=1)
    """Longest response."""
    seed: int = Field(default=0, ge=0)
    """Of the sampling noise, and of the choice of positions where only some are evaluated."""


class NextTokenProtocol(Drawing):
    """What to draw at a position."""

    mode: Mode = "reasoning"
    """`plain`: the likeliest token behind the document; `reasoning`: a response with a thought."""

    def sampling(self, stop: tuple[str, ...]) -> Sampling:
        """The engine's part of it."""
        if self.mode == "plain":
            return Sampling(temperature=0.0, max_new_tokens=1)
        return Sampling(temperature=self.temperature, max_new_tokens=self.max_new_tokens, stop=stop, seed=self.seed)

    @property
    def draws(self) -> int:
        """Responses per position: of one likeliest token there is one."""
        return 1 if self.mode == "plain" else self.samples

    def __str__(self) -> str:
        if self.mode == "plain":
            return "plain, likeliest token"
        drawn = "greedy" if self.temperature == 0 else f"T={self.temperature:g}, n={self.samples}"
        return f"reasoning, {drawn}, {self.max_new_tokens} tokens"


class AccuracySettings(Drawing):
    """What next-token accuracies to find."""

    modes: tuple[Mode, ...] = Field(default=("plain", "reasoning"), min_length=1)
    """`plain`: the likeliest token behind the document; `reasoning`: a response with a thought."""
    bands: Bands = Bands()
    """Of the results, by the entropy that the proxy of the positions found."""
    count: int | None = Field(default=None, ge=1)
    """So many positions, drawn at random from those that the bands hold; null: all."""

    def protocol(self, mode: Mode) -> NextTokenProtocol:
        """What is drawn in a mode."""
        return NextTokenProtocol(mode=mode, **{name: getattr(self, name) for name in Drawing.model_fields})

    @property
    def selection(self) -> Selection:
        """Of the positions that the bands hold, in a random order."""
        return Selection(low=min(self.bands.thresholds.values()), seed=self.seed)

    def first(self, positions: Positions) -> Positions:
        """The first `count` of positions that the selection found."""
        return positions.take(np.arange(len(positions) if self.count is None else min(self.count, len(positions))))

    def describe(self, positions: Positions) -> str:
        """How many positions there are, and in which bands: an empty one will have no result."""
        sizes = [f"{name} {len(part):,}" for name, part in self.bands.split(positions).items()]
        return f"{len(positions):,} positions ({', '.join(sizes)})"


@dataclass(frozen=True)
class Asker:
    """How positions of a text become prompts of a model.

    `ask` gives the question at (document, offset), or in a word why there is none; `name` is that of the template.
    """

    ask: Callable[[int, int], Question | str]
    objective: Objective
    token_bytes: TokenBytes
    tokenizer: Any
    name: str


@dataclass(frozen=True)
class Hits:
    """What an evaluation found, position by position; two compare where `document` and `offset` are equal."""

    document: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    entropy: npt.NDArray[np.float32]
    share: npt.NDArray[np.float64]
    """Of right responses."""

    def __len__(self) -> int:
        return len(self.document)

    def band(self, low: float, high: float) -> "Hits":
        """Those with low <= entropy < high."""
        kept = _inside(self.entropy, low, high)
        return Hits(self.document[kept], self.offset[kept], self.entropy[kept], self.share[kept])


def evaluate_next_token(
    model: str,
    engine: RolloutEngine,
    asker: Asker,
    positions: Positions,
    protocol: NextTokenProtocol,
    bands: Bands,
    out: Path,
    reporter: Reporter,
    chunk: int = CHUNK,
) -> list[TaskResult]:
    """Evaluate a model at positions: a result for each band that has any.

    Positions where nothing can be asked (the template's prompt is too long, say) are left out in both modes.

    Args:
        model: its name in results.
        engine: holds the weights.
        asker: makes the prompts.
        positions: with their entropies, all of which are evaluated.
        protocol: what to draw.
        bands: of the results.
        out: folder of responses and results; complete parts there of the same evaluation are not drawn again.
        reporter: shows progress.
        chunk: positions that are asked together and then written as a part.

    Raises:
        BadInput: nothing can be asked at any of the positions.
    """
    positions = positions.take(np.lexsort((positions.offset, positions.document)))  # neighbours share prefixes
    name = _digest(asker, positions, protocol)
    folder = out / FOLDER / f"{protocol.mode}-{name}"
    with reporter.phase(f"next token, {protocol.mode}", len(positions), 0, unit="positions") as on_progress:
        for first in range(0, len(positions), chunk):
            part = range(first, min(first + chunk, len(positions)))
            path = f"part-{first // chunk:05d}.parquet"
            if not (folder / path).is_file():
                rows = _draw(engine, asker, positions, part, protocol)
                with parquet_file(folder, path, _SCHEMA) as file:
                    file.write(pa.Table.from_pylist(rows, schema=_SCHEMA))
            on_progress(part.stop)
    table = _read(folder)
    if not table.num_rows:
        raise BadInput(f"{len(positions):,} positions, and at none of them can {asker.name} ask; give others")
    about = f"{protocol}, template {asker.name}" if protocol.mode == "reasoning" else str(protocol)
    results = [
        result
        for band, limits in bands.limits().items()
        if (result := _sum_up(band, table, limits, protocol, about, name)) is not None
    ]
    save_results(out, model, results)
    return results


def read_hits(folder: Path) -> Hits:
    """The positions of an evaluation and how often each was right.

    Args:
        folder: `next-token/MODE-DIGEST` in an evaluation's folder.

    Raises:
        BadInput: it holds no responses.
    """
    table = _read(folder)
    keys = np.stack([table["document"].to_numpy(), table["offset"].to_numpy()], axis=1)
    places, first, owner = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    hit = table["hit"].to_numpy(zero_copy_only=False).astype(np.float64)
    share = np.bincount(owner.reshape(-1), hit) / np.bincount(owner.reshape(-1))
    return Hits(places[:, 0], places[:, 1], table["entropy"].to_numpy()[first], share)


def _draw(
    engine: RolloutEngine, asker: Asker, positions: Positions, part: range, protocol: NextTokenProtocol
) -> list[dict[str, Any]]:
    """A row for each response at the positions of `part`."""
    found = [(place, asker.ask(int(positions.document[place]), int(positions.offset[place]))) for place in part]
    asked = [(place, question) for place, question in found if isinstance(question, Question)]
    draws, plain = protocol.draws, protocol.mode == "plain"
    requests = [
        Request(question.plain if plain else question.prompt, place, sample)
        for place, question in asked
        for sample in range(draws)
    ]
    drawn = engine.generate(requests, protocol.sampling(asker.objective.stop))
    groups = [drawn[first : first + draws] for first in range(0, len(drawn), draws)]
    questions = [question for _, question in asked]
    if plain:
        ratings = [
            [_plain(asker, question, item) for item in group] for question, group in zip(questions, groups, strict=True)
        ]
    else:
        responses = [[item.tokens for item in group] for group in groups]
        ratings = asker.objective.rate(questions, responses, Scorers(_NoModel(), None))
    return [
        {
            "document": question.document,
            "offset": question.offset,
            "entropy": float(positions.entropy[place]),
            "sample": sample,
            "hit": rating.correct,
            "first_token": rating.prediction == question.continuation[0],
            "wanted": question.wanted,
            "prediction": rating.prediction,
            "status": rating.status,
            "stop_reason": item.stop_reason,
            "tokens": list(item.tokens),
            "response": asker.tokenizer.decode(list(item.tokens)),
        }
        for (place, question), group, rated in zip(asked, groups, ratings, strict=True)
        for sample, (item, rating) in enumerate(zip(group, rated, strict=True))
    ]


def _plain(asker: Asker, question: Question, drawn: Completion) -> Rating:
    """Of the likeliest token; a special one is no answer, nor one that the tokenizer does not have."""
    (token,) = drawn.tokens
    prediction = asker.token_bytes.table.get(token)
    if not prediction:
        return Rating(0.0, correct=False, status="no_answer")
    right = prefix_reward(prediction, question.continuation[: len(prediction) + 1])
    return Rating(right, correct=right == 1.0, prediction=prediction)


class _NoModel:
    """The policy's `Scorer` in an evaluation: whether a prediction is right is a rule, and asks no model."""

    def logprobs(self, pairs: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[list[float]]:
        raise ValueError("an evaluation asks no model; give it an objective with the prefix reward")


def _digest(asker: Asker, positions: Positions, protocol: NextTokenProtocol) -> str:
    """12 hex digits over the positions and everything that can change a response there."""
    places = [positions.document.tolist(), positions.offset.tolist()]
    plain = protocol.mode == "plain"
    return digest([places, asker.objective.digest, "plain" if plain else protocol.model_dump()])[:12]


def _read(folder: Path) -> pa.Table:
    parts = sorted(folder.glob("part-*.parquet"))
    if not parts:
        raise BadInput(f"{folder}: no responses; run `mathmill evaluate` with --positions first")
    return pa.concat_tables([pq.read_table(part) for part in parts])


def _inside(entropy: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.bool_]:
    wide = entropy.astype(np.float64)
    return (wide >= low) & (wide < high)


def _sum_up(
    band: str, table: pa.Table, limits: tuple[float, float], protocol: NextTokenProtocol, about: str, name: str
) -> TaskResult | None:
    """The numbers of a band; None where it has no positions."""
    rows = table.filter(pa.array(_inside(table["entropy"].to_numpy(), *limits)))
    if not rows.num_rows:
        return None

    def shares(column: str) -> list[float]:
        values = rows[column].to_numpy(zero_copy_only=False).astype(np.float64)
        return [float(value) for value in values.reshape(-1, protocol.draws).mean(1)]

    statuses, endings = rows["status"].to_pylist(), rows["stop_reason"].to_pylist()
    below = f" to {limits[1]:g}" if np.isfinite(limits[1]) else ""
    return TaskResult(
        task=f"next-token-{protocol.mode}-{band}",
        protocol=f"{about}, entropy from {limits[0]:g}{below} nats",
        protocol_digest=name,
        problems=rows.num_rows // protocol.draws,
        whole=True,
        samples=protocol.draws,
        pass_at={"1": proportion(shares("hit"))},
        majority=None,
        mean_tokens=float(np.mean([len(tokens) for tokens in rows["tokens"].to_pylist()])),
        at_limit=0.0 if protocol.mode == "plain" else endings.count("length") / len(endings),
        no_answer=statuses.count("no_answer") / len(statuses),
        statuses={status: statuses.count(status) for status in sorted(set(statuses))},
        first_token=proportion(shares("first_token")),
    )
