"""What each stage makes of the small crawl is on record: an output that changes without its
version raised would be taken for finished work by every build that goes on in an old folder.

After raising a version: `python -m pytest tests/builds/test_golden.py --record-golden`.
"""

import shutil

import pytest

from pipeline.extract.html import VERSION as HTML_VERSION
from pipeline.refine import rules
from pipeline.stages import STAGES
from support.crawl import build
from support.golden import MODELS, check_golden, content

VERSIONS = {stage.name: stage.version for stage in STAGES}
VERSIONS |= {"extract": [VERSIONS["extract"], HTML_VERSION, *MODELS], "refine": [VERSIONS["refine"], rules.VERSION]}


@pytest.fixture(scope="module")
def corpora(crawl, reference, tmp_path_factory):
    """A corpus for each stage: the reference, and for the stage that it has not, one that goes on from its stages."""
    out = tmp_path_factory.mktemp("golden") / "out"
    shutil.copytree(reference[0], out)
    build(crawl / "recipe.yaml", out, 1, "--set", "refine.backend=rules")
    return {stage.name: reference[0] for stage in STAGES} | {"refine": out}


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_an_output_changes_only_with_its_version(corpora, request, stage):
    found = {"version": VERSIONS[stage], "content": content(corpora[stage], stage)}
    check_golden(stage, found, request)
