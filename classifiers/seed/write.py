"""Generated pages as labelled texts."""

import json
from pathlib import Path

from classifiers.seed.pages import Writer


def write_pages(out: Path, pages: int) -> None:
    """Write `pages` pages of each label to the JSONL file `out`; always the same."""
    writer = Writer()
    with out.open("w", encoding="utf-8") as file:
        for label in ("math", "other"):
            for seed in range(pages):
                page = writer.page(label, seed)
                row = {"text": page.text, "label": label, "source": f"own_{label}", "kind": page.kind}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
