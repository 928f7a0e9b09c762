"""Sampling noise as a function of who is sampled, not of when: (seed, step, prompt, sample, position).

So the same completion comes out whatever the batch, the rank or what the engine did before.
"""

import numpy as np

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def uniforms(seed: int, step: int, prompts: np.ndarray, samples: np.ndarray, positions: np.ndarray | int) -> np.ndarray:
    """One number in [0, 1) for each, float64 [n] with 53 random bits.

    Args:
        seed: of the run.
        step: optimizer step that the samples are for.
        prompts: [n] ids of the prompts, int64.
        samples: [n] number of the sample of its prompt.
        positions: [n] or one: tokens generated before.
    """
    state = _chain(seed, step, prompts.astype(np.uint64), samples.astype(np.uint64), positions)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def request_seed(seed: int, step: int, prompt: int, sample: int) -> int:
    """A seed of 63 bits for a whole completion, for samplers that take one."""
    return int(_chain(seed, step, prompt, sample)) >> 1


def _chain(seed: int, *keys: np.ndarray | int) -> np.ndarray:
    """64 bits that depend on all keys, and on their order."""
    state = _mixed(np.uint64(seed))
    for key in keys:
        state = _mixed(state ^ np.asarray(key, dtype=np.uint64))
    return state


def _mixed(value: np.ndarray | np.uint64) -> np.ndarray:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014): every input bit changes half of the output's."""
    with np.errstate(over="ignore"):
        value = np.asarray(value, dtype=np.uint64) + _MIX[0]
        value = (value ^ (value >> np.uint64(30))) * _MIX[1]
        value = (value ^ (value >> np.uint64(27))) * _MIX[2]
        return np.asarray(value ^ (value >> np.uint64(31)), dtype=np.uint64)
