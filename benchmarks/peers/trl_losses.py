"""TRL's policy losses on fixed tensors, as JSON on standard output; run in the environment of `trl.txt`.

The loss methods of its trainers are called with log-probs put in the place of a model's, float64. `tests/data/rl/
trl_losses.json` is this program's output, and says by which version.
"""

import json
import sys
from types import MethodType
from typing import Any
from unittest.mock import MagicMock

import torch
import trl
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.rloo_trainer import RLOOTrainer

LENGTHS = (5, 2, 7, 4, 1, 6)
MAX_LENGTH = 9
SETTINGS: dict[str, dict[str, Any]] = {
    "grpo": {"loss_type": "grpo", "importance_sampling_level": "token", "epsilon_low": 0.2, "epsilon_high": 0.2},
    "dr_grpo": {"loss_type": "dr_grpo", "importance_sampling_level": "token", "epsilon_low": 0.2, "epsilon_high": 0.2},
    "dapo": {"loss_type": "dapo", "importance_sampling_level": "token", "epsilon_low": 0.2, "epsilon_high": 0.28},
    "gspo": {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon_low": 3e-4, "epsilon_high": 4e-4},
    "cispo": {"loss_type": "cispo", "importance_sampling_level": "token", "epsilon_low": 0.2, "epsilon_high": 5.0},
    "rloo": {"epsilon_low": 0.2, "epsilon_high": 0.2},
}


def main() -> None:
    """Print the tensors and, for each method, TRL's settings, loss and gradient."""
    generator = torch.Generator().manual_seed(0)
    count, longest = len(LENGTHS), max(LENGTHS)
    mask = (torch.arange(longest)[None] < torch.tensor(LENGTHS)[:, None]).double()
    old = -3 * torch.rand(count, longest, generator=generator, dtype=torch.float64) - 0.1
    new = old + 0.3 * torch.randn(count, longest, generator=generator, dtype=torch.float64)
    reference = old + 0.2 * torch.randn(count, longest, generator=generator, dtype=torch.float64)
    advantages = torch.randn(count, generator=generator, dtype=torch.float64)
    found = {}
    for name, settings in SETTINGS.items():
        for beta in (0.0, 0.04) if name != "rloo" else (0.0,):
            loss, gradient = _loss(name, settings, beta, new, old, reference, mask, advantages)
            found[f"{name} beta={beta:g}"] = {"settings": settings, "beta": beta, "loss": loss, "gradient": gradient}
    flat = {key: _flat(value, mask) for key, value in (("new", new), ("old", old), ("reference", reference))}
    tensors = {"lengths": LENGTHS, "max_length": MAX_LENGTH, "advantages": advantages.tolist(), **flat}
    json.dump({"trl": trl.__version__, "torch": torch.__version__, "tensors": tensors, "methods": found}, sys.stdout)
    print()


def _flat(values: torch.Tensor, mask: torch.Tensor) -> list[float]:
    flat: list[float] = values[mask.bool()].tolist()
    return flat


def _loss(
    name: str,
    settings: dict[str, Any],
    beta: float,
    new: torch.Tensor,
    old: torch.Tensor,
    reference: torch.Tensor,
    mask: torch.Tensor,
    advantages: torch.Tensor,
) -> tuple[float, list[float]]:
    kind = RLOOTrainer if name == "rloo" else GRPOTrainer
    logprobs = new.clone().requires_grad_()
    trainer = MagicMock()
    for key, value in {
        **settings,
        "beta": beta,
        "max_completion_length": MAX_LENGTH,
        "top_entropy_quantile": 1.0,
        "off_policy_mask_threshold": None,
        "use_vllm": False,
        "current_gradient_accumulation_steps": 1,
        "_entropy_bonus_enabled": False,
        "aux_loss_enabled": False,
    }.items():
        setattr(trainer, key, value)
    trainer.model.training = True
    trainer.args.delta = None
    trainer.args.use_bias_correction_kl = False
    trainer.args.steps_per_generation = 1
    trainer.accelerator.num_processes = 1
    trainer.accelerator.gather = lambda value: value
    trainer._get_per_token_logps_and_entropies = lambda *_, **__: (logprobs, torch.zeros_like(logprobs), None)
    inputs = {
        "prompt_ids": torch.zeros(len(mask), 1, dtype=torch.int64),
        "prompt_mask": torch.ones(len(mask), 1, dtype=torch.int64),
        "completion_ids": torch.zeros(mask.shape, dtype=torch.int64),
        "completion_mask": mask,
        "advantages": advantages,
        "old_per_token_logps": old,
        "old_logps": (old * mask).sum(1),
        "ref_per_token_logps": reference,
        "num_items_in_batch": mask.sum(),
    }
    loss = MethodType(kind._compute_loss, trainer)(MagicMock(), inputs)
    loss.backward()
    assert logprobs.grad is not None
    return float(loss.detach()), _flat(logprobs.grad, mask)


if __name__ == "__main__":
    main()
