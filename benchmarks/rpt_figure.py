"""The figure of `rpt_language.py`, from its results alone."""

from pathlib import Path
from typing import Any

from pipeline.files import read_json

_SPLITS = ("easy", "medium", "hard")


def draw(seeds: list[dict[str, Any]], target: Path) -> None:
    """Left: accuracy on hard positions over compute, a colour per seed. Right: at the end, all bands, mean of seeds."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "mathmill"  # the same bytes from the same results
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    for number, seed in enumerate(seeds):
        colour, rpt, line = f"C{number}", seed["curves"]["rpt"], seed["curves"]["rpt"]["line"]
        fit = rpt["fit"]
        left.fill_between(line["flops"], line["low"], line["high"], color=colour, alpha=0.15, linewidth=0)
        left.plot(line["flops"], line["fit"], color=colour, linewidth=1)
        label = f"RPT, reasoning, seed {seed['seed']}: R² {fit['r_squared']:.3f}"
        trained = [place for place, flops in enumerate(rpt["flops"]) if flops]
        flops = [rpt["flops"][place] for place in trained]
        left.plot(flops, [rpt["reasoning"][place] for place in trained], "o", color=colour, markersize=4, label=label)
        left.plot(flops, [rpt["plain"][place] for place in trained], "x", color=colour, markersize=4)
        plain = seed["curves"]["plain"]
        left.plot(plain["flops"], plain["plain"], ":", color=colour, linewidth=1)
    left.plot([], [], "x", color="grey", label="the same model, plain")
    left.plot([], [], ":", color="grey", label="continued plain training, plain")
    left.set(xlabel="training compute, FLOP", ylabel="accuracy on hard positions", xscale="log", ylim=(0, 1.03))
    left.grid(alpha=0.3)
    left.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    bars = [("start", "plain"), ("start", "reasoning"), ("plain", "plain"), ("rpt", "plain"), ("rpt", "reasoning")]
    names = ["start, plain", "start, reasoning", "plain training, plain", "RPT, plain", "RPT, reasoning"]
    for number, ((model, mode), name) in enumerate(zip(bars, names, strict=True)):
        heights = []
        for split in _SPLITS:
            found = [
                row["value"]
                for seed in seeds
                for row in seed["bands"][model]
                if row["task"].endswith(f"{mode}-{split}")
            ]
            heights.append(sum(found) / len(found))
        right.bar([place + (number - 2) * 0.16 for place in range(len(_SPLITS))], heights, width=0.15, label=name)
    right.set(
        xticks=range(len(_SPLITS)), xticklabels=_SPLITS, ylabel="next-token accuracy, mean of seeds", ylim=(0, 1.03)
    )
    right.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    from benchmarks.environment import RESULTS
    from benchmarks.rpt_language import FIGURE

    draw(read_json(RESULTS / "rpt-language.json")["seeds"], FIGURE)
