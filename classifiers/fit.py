"""fastText's training, reproducible: a fresh process, one thread, memory that starts as zeros.

With fewer than ten threads fastText initialises only a tenth of its input matrix; the rest is what malloc returned.
A fresh process whose large allocations come from mmap (`MALLOC_MMAP_THRESHOLD_`) reads zeros there, every time; small
ones, of models with few words, are filled with zeros by `MALLOC_PERTURB_` (glibc writes the complement of its value).
As a program (`python -m classifiers.fit LINES OUT SETTINGS_JSON`) it is that process.
"""

import os
import subprocess
import sys
from pathlib import Path

from classifiers.settings import TrainSettings

_MMAP_THRESHOLD_BYTES = "16384"


def fit(lines: Path, out: Path, settings: TrainSettings) -> None:
    """Train on `lines` (one `__label__L text` each) and write the model to `out`, quantised when it ends in `.ftz`.

    Raises:
        RuntimeError: the training process failed; the message ends with its last line.
    """
    environment = {
        **os.environ,
        "MALLOC_MMAP_THRESHOLD_": _MMAP_THRESHOLD_BYTES,
        "MALLOC_PERTURB_": "255",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "classifiers.fit", str(lines), str(out), settings.model_dump_json()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"fastText's training failed: {done.stderr.strip().splitlines()[-1:]}")


def _main(lines: str, out: str, settings_json: str) -> None:
    import fasttext

    settings = TrainSettings.model_validate_json(settings_json)
    model = fasttext.train_supervised(
        input=lines,
        dim=settings.dim,
        wordNgrams=settings.word_ngrams,
        minCount=settings.min_count,
        minn=0,
        maxn=0,
        bucket=settings.bucket if settings.word_ngrams > 1 else 0,
        epoch=settings.epoch,
        lr=settings.learning_rate,
        loss="softmax",
        seed=settings.seed,
        thread=1,
        verbose=0,
    )
    if out.endswith(".ftz"):
        model.quantize(
            input=lines,
            cutoff=settings.cutoff,
            retrain=settings.cutoff > 0,
            epoch=settings.epoch,
            lr=settings.learning_rate,
            thread=1,
            qnorm=True,
            dsub=settings.requantise_subvector,
            verbose=0,
        )
    model.save_model(out)


if __name__ == "__main__":
    _main(*sys.argv[1:])
