"""Rewards that ask a model: every pair gets the log-probs that it would get alone, whatever is shared."""

import pytest
import torch

from support.prefixes import settings
from support.rl import MODEL
from training.model import Placement, build_model, load_model_config
from training.rl.policy import PolicyModel
from training.rl.scorer import ModelScorer, as_answers
from training.run import ModelSettings
from training.world import World

DOCUMENT = tuple(range(2, 42))
TAIL = (45, 46)


def _behind(offset: int, *thought: int) -> tuple[int, ...]:
    """A prompt at an offset of the document, and a thought."""
    return (*DOCUMENT[:offset], *TAIL, *thought)


PAIRS = [
    (_behind(10, 3, 4), (5,)),
    (_behind(10, 3, 9), (5, 6)),
    (_behind(30, 7), (8,)),
    (_behind(30, 7, 7, 7), (8, 9, 10)),
    ((44,) * 9, (1,)),
    ((44,), (1, 2)),
]


def test_texts_behind_one_document_are_of_one_segment() -> None:
    answers = as_answers(sorted(PAIRS))
    by_first = {answer.prompt_tokens: answer for answer in answers}
    nested = [by_first[first] for first, _ in PAIRS[:4]]
    assert len({answer.segment for answer in nested}) == 1
    # The longest beginning that two share is the prompt at 30; each shares it up to there, or to where it branches off.
    assert [answer.prefix_length for answer in nested] == [10, 10, 32, 33]
    assert by_first[(44,)].prefix_length == 0
    for answer in answers:
        spine = max((other for other in answers if other.segment == answer.segment), key=lambda a: a.prefix_length)
        length = answer.prefix_length
        assert answer.prompt_tokens[:length] == spine.prompt_tokens[:length]


@pytest.mark.parametrize("share", [True, False])
def test_every_pair_is_scored_as_if_it_were_alone(world: World, share: bool) -> None:
    wanted = ModelSettings(config=MODEL, dtype="float64")
    config = load_model_config(wanted, None)  # type: ignore[arg-type]
    model = build_model(wanted, config, Placement(world.device), 0, None, PolicyModel)  # type: ignore[arg-type]
    scorer = ModelScorer(model, settings(share, 60), world)
    asked = [*PAIRS, PAIRS[0], ((3, 4), ())]
    found = scorer.logprobs(asked)
    assert found[-1] == []
    assert found[-2] == found[0]
    for (first, second), values in zip(PAIRS, found, strict=False):
        tokens = torch.tensor([[*first, *second]])
        rows = {"cu_seqlens": torch.tensor([0, tokens.shape[1]], dtype=torch.int32), "max_seqlen": tokens.shape[1]}
        with torch.no_grad():
            hidden = model.model.base_model(tokens, position_ids=torch.arange(tokens.shape[1])[None], **rows)
        logits = hidden.last_hidden_state[0] @ model.model.get_output_embeddings().weight.T
        expected = torch.log_softmax(logits, -1)[len(first) - 1 : -1].gather(1, torch.tensor(second)[:, None])[:, 0]
        assert values == pytest.approx(expected.tolist(), rel=1e-9)
    computed = sum(work.tokens for work in scorer.take_works())
    alone = sum(len(first) + len(second) - 1 for first, second in PAIRS)
    assert computed < 0.7 * alone if share else computed == alone
    assert scorer.take_works() == []
