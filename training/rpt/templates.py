"""Prompt templates of RPT: files with an instruction before the context, a tail behind it, and the answer's carrier.

The instruction comes first and the tail is the same at every position, so that the prompts of one document share
nested prefixes by token ids: encode(head) + ids[start:offset] + encode(tail).
"""

from pipeline.config import find_config, load_config
from pipeline.files import digest
from pipeline.frozen import Frozen
from training.rpt.carrier import Carrier


class RptTemplate(Frozen):
    """How a position becomes a prompt, and where its answer stands."""

    head: str = ""
    """What stands before the context: the instruction."""
    tail: str = ""
    """What stands behind it; the response begins there."""
    mask: str = ""
    """What stands for a masked span between its two contexts, for the objective that asks for one."""
    resume: str = ""
    """What stands between a thought and the text that goes on, for the objective that scores the text after a thought
    instead of reading a prediction: `</think>`, say. A thought ends where this begins."""
    carrier: Carrier = Carrier()
    """Where a response says its prediction."""
    stop: tuple[str, ...] = ()
    """Strings that end a response."""


class LoadedRptTemplate(RptTemplate):
    """A template by name; `digest` names its content."""

    name: str
    digest: str


def load_rpt_template(name: str) -> LoadedRptTemplate:
    """A shipped template by name (manifests/rpt-templates), or a template file by path.

    Raises:
        BadInput: there is none, or a field of it cannot be read.
    """
    path = find_config("rpt-template", name)
    template = load_config(RptTemplate, path)
    return LoadedRptTemplate(**dict(template), name=path.stem, digest=digest(template.model_dump())[:12])
