"""From a manifest and its folder to the page: everything is counted first, then one template is filled."""

import base64
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report.charts import count_chart, score_chart, sum_chart, year_chart
from pipeline.report.costs import costs
from pipeline.report.distributions import distributions
from pipeline.report.files import CorpusFiles, database
from pipeline.report.funnel import balances, funnel, share
from pipeline.report.refinement import refinement
from pipeline.report.samples import dropped_samples, kept_samples
from pipeline.report.search import search_index
from pipeline.report.visible import visible
from pipeline.shard.manifest import Manifest

_LISTED = 50
_SETTINGS_CHARS = 60_000
_NAME_CHARS = 200


def render_report(manifest: Manifest, folder: Path) -> str:
    """The report of a corpus as one HTML page that needs nothing else: no image, no font, no network.

    Its one script, the search, is named by its digest in the page's content security policy: no other can run.

    `folder` is the corpus folder; manifest.json need not be there yet. Two renders of the same corpus are equal, and
    no path of the machine is in the page. A corpus without its stage folders (a published copy) gives a report without
    the texts and records that were left out.

    Raises:
        BadInput: a shard or a list of the manifest is missing.
    """
    files = CorpusFiles(manifest, folder)
    with database() as connection:
        found = distributions(files, connection)
        kept, dropped = kept_samples(files, connection), dropped_samples(files, connection)
        index = search_index(files, connection)
        refined = refinement(files, connection)
    environment = report_environment("pipeline.report")
    script = environment.get_template("search.js").render()
    return environment.get_template("report.html.j2").render(
        manifest=manifest,
        totals=manifest.totals,
        funnel=funnel(manifest),
        balances=balances(manifest),
        found=found,
        score_charts=[(scores, score_chart(scores)) for scores in found.scores],
        count_charts=[(counts, count_chart(counts)) for counts in found.counts],
        token_chart=sum_chart(found.counts[0]),
        year_chart=year_chart(found.years),
        costs=costs(files),
        index=index,
        script=Markup(script),
        script_sha256=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        refinement=refined,
        kept=kept,
        dropped=dropped,
        inputs=_inputs(files),
        settings=_settings(manifest),
    )


def report_environment(*packages: str) -> Environment:
    """Jinja with the filters of reports; templates are found in the `templates` folders of `packages`, in order."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "templates") for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = _percent
    environment.filters["size"] = _size
    environment.filters["seconds"] = _seconds
    environment.filters["unit"] = lambda value: round(1000 * min(max(value, 0.0), 1.0), 2)
    environment.filters["line"] = lambda value: visible(str(value), _NAME_CHARS)
    environment.globals["share"] = share
    return environment


def _percent(value: float) -> str:
    """A share for people: a small one is never shown as none, nor nearly all as all."""
    if 0 < value < 0.0005:
        return "<0.1 %"
    if 0.9995 <= value < 1:
        return ">99.9 %"
    return f"{100 * value:.1f} %"


def _size(value: int) -> str:
    """Bytes in binary units."""
    size = float(value)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{value:,} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def _seconds(value: float) -> str:
    """A duration for people: 0.34 s, 12 s, 5 min, 3.2 h."""
    if value < 10:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:,.1f} h"


def _inputs(files: CorpusFiles) -> dict[str, Any]:
    rows = files.inputs()
    troubled = [row for row in rows if row["status"] != "ok"]
    return {
        "files": len(rows),
        "bytes": sum(row["bytes"] for row in rows),
        "records": sum(row["records"] for row in rows),
        "documents": sum(row["documents"] for row in rows),
        "statuses": sorted(Counter(row["status"] for row in rows).items()),
        "troubled": troubled[:_LISTED],
        "more": max(0, len(troubled) - _LISTED),
    }


def _settings(manifest: Manifest) -> str:
    """The recipe as YAML, absolute paths shortened: where a machine keeps its files is nobody's business."""
    text = yaml.safe_dump(_relative(manifest.recipe.settings), sort_keys=False, allow_unicode=True, width=110)
    lines = [visible(line, _SETTINGS_CHARS) for line in text.split("\n")]
    text = "\n".join(lines)
    return text if len(text) <= _SETTINGS_CHARS else text[:_SETTINGS_CHARS] + "\n…"


def _relative(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _relative(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_relative(item) for item in value]
    if isinstance(value, str) and value.startswith(("/", "~/", "file:/")):
        return f"…/{value.rstrip('/').rpartition('/')[2]}"
    return value
