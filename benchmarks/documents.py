"""Generated documents as the extract stage writes them: for proofs at a size that no real pages here have.

A document is a function of its number alone, so that 10,000 documents are the first of a million. One in ten belongs to
a cluster, as on the web: equal texts, near-duplicates of any earlier document, and copies of a few dozen templates,
whose clusters grow with the number of documents. Some are for `filter` to leave out.
"""

import multiprocessing
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.document import DROPPED, SCHEMA, table
from pipeline.files import digest
from pipeline.ledger import Ledger
from pipeline.recipe import LoadedRecipe
from pipeline.stage import Part, PartRecord, Phase, Stage, Workspace

PART_DOCUMENTS = 2_000
_SEED = 20240607
_TEMPLATES = 32
_WORDS = 20_000
_KINDS = ("new", "equal", "near", "template", "same id", "prose", "foreign", "short")
_SHARES = (0.70, 0.03, 0.05, 0.02, 0.002, 0.10, 0.06, 0.038)
_KIND_ENDS = np.cumsum(_SHARES)[:-1]
_SYLLABLES = "ba co di fu ga he ju ki lo mu ne po qua ri so tu va wi xe yo za the ing tion al er".split()
_FORMULAS = (
    "$x_{{{0}}} = {1}$",
    "$\\frac{{{0}}}{{n + {1}}}$",
    "$a^{{2}} + {0}b = {1}$",
    "$$\\sum_{{k=1}}^{{{0}}} k^{{{1}}}$$",
)


class GeneratedStage(Stage):
    """In the place of the extract stage: `documents` documents, in parts of `PART_DOCUMENTS`."""

    name = "extract"
    version = 1

    def __init__(self, loaded: LoadedRecipe, out: Path, documents: int) -> None:
        self.documents = documents
        super().__init__(loaded, out, None)

    def identity(self) -> dict[str, Any]:
        """What is generated; not how many."""
        return {"seed": _SEED, "shares": dict(zip(_KINDS, _SHARES, strict=True)), "part": PART_DOCUMENTS}

    def phases(self) -> list[Phase]:
        """One phase, a part per `PART_DOCUMENTS`."""
        return [Phase("documents", self._parts, self._generate)]

    def generate(self, processes: int) -> None:
        """Write every part and finish the stage."""
        self.folder.mkdir(parents=True)
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            pool.map(self._run, self._parts(), chunksize=1)
        self.finish()

    def _run(self, part: Part) -> None:
        self.run_part(self.phases()[0], part, lambda done: None)

    def _parts(self) -> list[Part]:
        return [
            Part(
                name=digest([_SEED, first]),
                label=f"generated-{first:07d}.warc.gz",
                bytes=PART_DOCUMENTS,
                data={"first": first, "count": min(PART_DOCUMENTS, self.documents - first)},
            )
            for first in range(0, self.documents, PART_DOCUMENTS)
        ]

    def _generate(self, part: Part, workspace: Workspace) -> PartRecord:
        first, count = part.data["first"], part.data["count"]
        with workspace.parquet("data", SCHEMA) as data, workspace.parquet("dropped", DROPPED) as dropped:
            data.write(table([document(number, part.label) for number in range(first, first + count)]))
        return PartRecord(
            part=part.name,
            label=part.label,
            ledger=Ledger(records_in=count, kept=count, dropped={}),
            outputs={"data": data.output, "dropped": dropped.output},
            info={"bytes": part.bytes, "status": "ok", "xxh3_128": None, "error": None},
        )


def document(number: int, warc_file: str) -> dict[str, Any]:
    """The row of document `number`."""
    random = _random(number)
    kind = "new" if number < 100 else _KINDS[int(np.searchsorted(_KIND_ENDS, random.random()))]
    id_number = number
    if kind in ("equal", "near"):
        text = _text(int(random.integers(number)))
        if kind == "near":
            text = _edited(text, random)
    elif kind == "template":
        text = _edited(_template(int(random.integers(_TEMPLATES))), random)
    else:
        text = _text(number)
        if kind == "same id":
            id_number = int(random.integers(number))
        elif kind == "short":
            text = text[:80]
    return {
        "id": digest(["document", id_number]),
        "url": f"https://host{number % 50_000}.test/{number}",
        "host": f"host{number % 50_000}.test",
        "title": text.partition(".")[0][:60],
        "text": text,
        "warc_file": warc_file,
        "warc_offset": number * 4096,
        "warc_length": 4096,
        "formulas": text.count("$") // 2,
        "extractor": "generated@1",
        "language": "de" if kind == "foreign" else "en",
        "language_score": 0.97,
        "math_score": 0.1 if kind == "prose" else 0.9,
    }


def _random(number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=(_SEED << 64) + number))


def _text(number: int) -> str:
    """Prose with formulas, 30 to 600 words (median about 110): words of a vocabulary with Zipf's frequencies."""
    random = _random(number + (1 << 32))
    words = int(np.clip(random.lognormal(4.7, 0.6), 30, 600))
    vocabulary, ends = _vocabulary()
    chosen = [vocabulary[rank] for rank in np.searchsorted(ends, random.random(words)).tolist()]
    values = random.integers(1, 1000, words).tolist()
    for position in range(8, words, 14):
        chosen[position] = _FORMULAS[position % len(_FORMULAS)].format(values[position], values[position - 1])
    for position in range(12, words, 13):
        chosen[position] += "." if position % 39 else ".\n\n"
    return " ".join(chosen)


@cache
def _template(number: int) -> str:
    return _text((1 << 40) + number)


def _edited(text: str, random: np.random.Generator) -> str:
    """The text with its ending replaced: a near-duplicate."""
    words = text.split(" ")
    changed = max(1, len(words) // 60)
    return " ".join([*words[:-changed], *(f"edit{value}" for value in random.integers(1 << 30, size=changed))])


@cache
def _vocabulary() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Words of one to four syllables, and where each ends when all share 0..1 by their frequency."""
    random = np.random.Generator(np.random.Philox(key=_SEED))
    words: dict[str, None] = {}
    while len(words) < _WORDS:
        words["".join(random.choice(_SYLLABLES, random.integers(1, 5)))] = None
    shares = 1 / np.arange(3, _WORDS + 3)
    return tuple(words), np.cumsum(shares / shares.sum())[:-1]
