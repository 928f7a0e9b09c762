"""Curves of runs in one picture: loss, held-out loss, learning rate and speed over tokens."""

from collections.abc import Callable
from pathlib import Path

from training.watch import read_metrics

_PANELS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("loss", lambda name: name == "train/loss"),
    ("held-out loss", lambda name: name.startswith("eval/loss/")),
    ("learning rate", lambda name: name == "train/lr"),
    ("tokens per second and device", lambda name: name == "speed/tokens_per_s_per_device"),
)


def plot(folders: list[Path], target: Path) -> Path:
    """Draw the runs of `folders` into the picture `target` (.png, .svg or .pdf).

    Raises:
        BadInput: a folder has no metrics.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    runs = {folder.name: read_metrics(folder) for folder in folders}
    figure, axes = pyplot.subplots(2, 2, figsize=(12, 8), layout="constrained")
    for (title, wanted), axis in zip(_PANELS, axes.flat, strict=True):
        for name, events in runs.items():
            for key in sorted({key for event in events for key in event if wanted(key)}):
                points = [(event["step"], event[key]) for event in events if key in event]
                part = key.removeprefix("eval/loss/")
                axis.plot(*zip(*points, strict=True), label=name if part == key else f"{name} {part}", linewidth=1)
        axis.set(title=title, xlabel="step")
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize="small")
    figure.savefig(target)
    pyplot.close(figure)
    return target
