"""Write the generated pages: `python -m classifiers.seed --out own.jsonl [--pages 3000]`."""

import argparse
import json
from pathlib import Path

from classifiers.seed.pages import Writer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.seed", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the JSONL file to write")
    parser.add_argument("--pages", type=int, default=3000, help="pages of each label (default: %(default)s)")
    arguments = parser.parse_args()
    writer = Writer()
    with arguments.out.open("w", encoding="utf-8") as file:
        for label in ("math", "other"):
            for seed in range(arguments.pages):
                page = writer.page(label, seed)
                row = {"text": page.text, "label": label, "source": f"own_{label}", "kind": page.kind}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
