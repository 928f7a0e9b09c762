"""Documents for the refine benchmark, made of the lessons that the sample crawl is made of."""

import random
import re
from pathlib import Path

import manifests
from pipeline.document import SCHEMA, table
from pipeline.files import parquet_file
from pipeline.recipe import LoadedRecipe, Recipe
from pipeline.shard.tokenizer import load_tokenizer

TOKENS = 1_000


def paragraphs() -> list[str]:
    """Paragraphs of the lessons, mark-up of the sample apart."""
    found = []
    for path in sorted((manifests.ROOT / "sample" / "texts").glob("lessons*.md")):
        for block in path.read_text(encoding="utf-8").split("\n\n"):
            block = re.sub(r"\[\[(.*?)\|\|.*?\]\]", r"\1", block).removeprefix(":: ").strip()
            if len(block) > 60 and not block.startswith(("===", "|")):
                found.append(block)
    return found


def write_documents(folder: Path, path: str, count: int, tokens: int = TOKENS) -> float:
    """Write `count` documents of about `tokens` tokens to `folder/path`; returns their mean. Equal bytes each time."""
    recipe = Recipe.model_validate_json('{"name": "refine", "inputs": ["none"]}')
    tokenizer = load_tokenizer(LoadedRecipe(recipe, folder / "recipe.yaml"))
    blocks = paragraphs()
    sizes = tokenizer.count(blocks)
    rng = random.Random(5)
    total = 0
    with parquet_file(folder, path, SCHEMA) as file:
        rows = []
        for number in range(count):
            size, text = 0, [f"# Lesson {number}"]
            while size < tokens - sum(sizes) / len(sizes) / 2:
                chosen = rng.randrange(len(blocks))
                text.append(blocks[chosen])
                size += sizes[chosen]
            total += size
            rows.append({"id": f"{number:032x}", "text": "\n\n".join(text), "language": "en", "math_score": 0.9})
            if len(rows) == 1_000 or number == count - 1:
                file.write(table(rows))
                rows = []
    return total / count
