"""Prompts as versioned files: a YAML head between `---` lines, then the instructions of the system message.

The text to work on is data: it goes into the user message between two fence lines that cannot occur in it.
"""

import re
from pathlib import Path
from typing import TypeVar

import xxhash
import yaml
from pydantic import BaseModel, ValidationError

import manifests
from pipeline.errors import BadInput

_HEAD = re.compile(r"---\n(.*?)\n---\n+(.*)", re.DOTALL)

Head = TypeVar("Head", bound=BaseModel)


def find_prompt(folder: str, name: str | Path) -> Path:
    """The file of a prompt: one that ships in `manifests/<folder>` by its name, or a path.

    Raises:
        BadInput: there is neither.
    """
    shipped = manifests.ROOT / folder
    path = shipped / f"{name}.md"
    if Path(name).suffix or not path.is_file():
        path = Path(name)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in shipped.glob("*.md")))
        raise BadInput(f"{name}: no such prompt; give the path of a .md file, or the name of a shipped prompt: {known}")
    return path


def read_prompt(path: Path, model: type[Head]) -> tuple[Head, str]:
    """The head of a prompt file as `model`, and the instructions.

    Raises:
        BadInput: the file is not in the form above.
    """
    content = path.read_text(encoding="utf-8")
    fields = ", ".join(model.model_fields)
    match = _HEAD.fullmatch(content)
    if match is None:
        raise BadInput(f"{path}: no head; begin with `---`, the fields {fields}, `---`, then the instructions")
    try:
        head = model.model_validate(yaml.safe_load(match[1]))
    except (yaml.YAMLError, ValidationError) as error:
        problem = error.errors()[0] if isinstance(error, ValidationError) else None
        what = f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].lower()}" if problem else "not YAML"
        raise BadInput(f"{path}: head: {what}; it holds {fields}, as the shipped prompts do") from error
    instructions = match[2].strip()
    if not instructions:
        raise BadInput(f"{path}: no instructions after the head; write them")
    return head, instructions


def fence(text: str) -> str:
    """A line that does not occur in `text`, and always the same for the same text."""
    seed = 0
    while (mark := f"TEXT-{xxhash.xxh3_64_hexdigest(text.encode('utf-8', 'surrogatepass'), seed)}") in text:
        seed += 1
    return mark
