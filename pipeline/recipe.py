"""A recipe: one YAML file that says what to build, as frozen, validated models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from pipeline.config import find_config, load_config
from pipeline.errors import BadInput
from pipeline.extract.limits import Limits
from pipeline.filter.url import UrlRules
from pipeline.frozen import Frozen
from pipeline.names import ClassifierName, Score
from pipeline.refine.settings import RefineSettings
from pipeline.remote.settings import RemoteSettings
from pipeline.shard.mask import MaskSettings
from pipeline.texts.columns import Columns

_OF_TEXTS = ("columns", "config", "split")


class Input(Frozen):
    """One entry of `inputs`, here or on another machine. A plain string stands for `path` with the kind by suffix."""

    path: str
    """File, folder or glob (`~` and `**` work) of WARC or ARC, HTML, Parquet or JSON lines; an address of any of these
    (`s3://…`, `https://…`); a path list (`warc.paths.gz`); the id of a Common Crawl (CC-MAIN-2024-10); a data set of
    the Hub (`hub:OWNER/NAME[@REVISION][:GLOB]`); a finished corpus."""
    kind: Literal["warc", "html", "parquet", "jsonl", "hub", "paths"] | None = None
    """Reads a single file of any name as this, or of a folder the files of this kind; `paths` is a path list. Null goes
    by the suffix; a folder is then searched for WARC, else for Parquet, else for JSON lines, else for HTML."""
    columns: Columns | None = None
    """Of Parquet, JSON lines and the Hub: which column says what; null: the usual names."""
    config: str | None = None
    """Of a data set of the Hub: the configuration to read, as its card names it; null: all files."""
    split: str | None = None
    """Of a data set of the Hub: the split to read; null: all of them."""
    base: str | None = None
    """Of a path list: where its relative entries start, a folder or an address; null: `remote.common_crawl`."""
    first: int = Field(default=0, ge=0)
    """Of a path list: the first entry to read, counted from 0."""
    count: int | None = Field(default=None, ge=1)
    """Of a path list: how many entries to read; null: all that follow."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _of_its_kind(self) -> "Input":
        hub = self.kind == "hub" or (self.kind is None and self.path.startswith("hub:"))
        for name in ("config", "split"):
            if getattr(self, name) is not None and not hub:
                raise ValueError(f"{name} is of data sets of the Hub alone; take it out, or write hub:OWNER/NAME")
        if self.columns is not None and self.kind in ("warc", "html"):
            raise ValueError(f"columns: a {self.kind} file has none; take them out, or correct kind")
        return self

    @model_serializer(mode="wrap")
    def _as_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what only some kinds have and this entry does not say: recipes of crawls keep their digest."""
        said: dict[str, Any] = handler(self)
        return {key: value for key, value in said.items() if value is not None or key not in _OF_TEXTS}


class ExtractSettings(Frozen):
    """WARC record → text with its formulas, language and math score, in one pass."""

    urls: UrlRules = UrlRules()
    """Rules on the URL, applied before a page is parsed."""
    limits: Limits = Limits()
    """Deterministic limits on a page; a page beyond one is dropped with the limit as its reason."""
    cpu_limit_s: int = Field(default=30, ge=1)
    """CPU seconds the worker may spend on one page; for pathologies only, since it depends on the machine."""
    memory_limit_bytes: int = Field(default=1200 << 20, ge=256 << 20)
    """Address space the worker may take beyond what it starts with."""
    language_model: str | None = None
    """Path of a fastText language model (lid.176, GlotLID); null: the identifier that mathmill carries."""
    math_model: str = "math"
    """Bundled model by name, or the path of a fastText model with the labels of docs/classifiers.md."""
    classifiers: dict[ClassifierName, str] = Field(default_factory=dict)
    """Further classifiers, name to path of a fastText model: `quality` sets `quality_score`, any other `scores`."""
    min_math_score: float = Field(default=0.0, ge=0, le=1)
    """Low recall floor: pages below are not stored. 0 keeps all, so that `filter` alone decides."""


class Decontamination(Frozen):
    """Drops documents that contain a question of a benchmark; see `pipeline.filter.decontaminate`."""

    tasks: tuple[str, ...] = Field(min_length=1)
    """Benchmarks: shipped tasks or task files, as `mathmill evaluate` takes them."""
    data: str
    """Folder of their JSONL files; a relative path starts at the recipe."""
    ngram: int = Field(default=13, ge=8, le=100)
    """Tokens in a row, of the math-safe form, that a document must not share with a question."""


class FilterSettings(Frozen):
    """Thresholds on stored columns, and benchmarks to keep out; a change never parses or scores again."""

    languages: tuple[str, ...] = ("en",)
    """ISO 639-1 codes to keep; empty keeps every language."""
    min_language_score: float = Field(default=0.65, ge=0, le=1)
    """Lowest `language_score`."""
    min_math_score: float = Field(default=0.5, ge=0, le=1)
    """Lowest `math_score`."""
    min_scores: dict[ClassifierName, Score] = Field(default_factory=dict)
    """Lowest score of further classifiers, by the name that they have in `extract.classifiers`."""
    min_chars: int = Field(default=100, ge=0)
    """Shortest text, in characters."""
    max_chars: int = Field(default=1_000_000, ge=1)
    """Longest text, in characters."""
    decontaminate: Decontamination | None = None
    """Benchmarks whose questions no document may contain; null looks for none."""

    @model_validator(mode="after")
    def _ordered(self) -> "FilterSettings":
        if self.min_chars > self.max_chars:
            raise ValueError(f"min_chars {self.min_chars} is above max_chars {self.max_chars}; swap them")
        return self


class DedupSettings(Frozen):
    """Equal ids, then equal texts, then near-duplicates by MinHash, all on the math-safe form of the text."""

    bands: int = Field(default=11, ge=1, le=200)
    """LSH bands; two texts that agree on one whole band are near-duplicates."""
    rows: int = Field(default=10, ge=1, le=200)
    """Hashes per band; the similarity knee is (1/bands)^(1/rows)."""
    ngram: int = Field(default=5, ge=1, le=50)
    """Words per shingle."""
    seed: int = Field(default=1, ge=0)
    """Seed of the hash functions."""
    memory_limit_bytes: int = Field(default=1 << 30, ge=64 << 20)
    """Memory of the out-of-core joins (DuckDB)."""


class ShardSettings(Frozen):
    """Parquet shards, ordered by id."""

    target_bytes: int = Field(default=256 << 20, ge=1 << 10)
    """Text bytes (UTF-8) per shard to aim at; with the total it fixes the number of shards."""
    tokenizer: str = "mathmill-bpe-8k"
    """Counts tokens: the bundled tokenizer by name, the path of a tokenizer.json, or a Hub name (needs the network)."""
    mask: MaskSettings = MaskSettings()
    """Addresses to replace in the texts, outside formulas and code; by default none."""


class Recipe(Frozen):
    """A whole corpus. Every stage's section may be left out and then has the defaults."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the corpus: letters, digits, `.`, `_`, `-`."""
    inputs: tuple[Input, ...] = Field(min_length=1)
    """What to read. Relative paths start at the recipe's folder."""
    input_root: str | None = None
    """Folder or address that `warc_file` is relative to; null: each local entry's own fixed folder (before the first
    wildcard), and nothing for addresses, which are then kept whole."""
    remote: RemoteSettings = RemoteSettings()
    """How inputs on other machines are asked for."""
    crawl: str | None = None
    """Name of the crawl, stored in each document."""
    extract: ExtractSettings = ExtractSettings()
    filter: FilterSettings = FilterSettings()
    dedup: DedupSettings = DedupSettings()
    refine: RefineSettings | None = None
    """Rewriting; without this section the recipe has no such stage."""
    shard: ShardSettings = ShardSettings()


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe and where it came from; relative paths in it start at `folder`."""

    recipe: Recipe
    path: Path

    def resolve(self, path: str) -> Path:
        """A path of the recipe, made absolute."""
        return (self.path.parent / Path(path).expanduser()).absolute()

    def file(self, field: str, value: str) -> Path:
        """An existing file that `field` names.

        Raises:
            BadInput: there is no such file.
        """
        path = self.resolve(value)
        if not path.is_file():
            raise BadInput(f"{self.path}: {field}: {value!r}: no such file: {path}; correct the path")
        return path


def find_recipe(name: str) -> Path:
    """The recipe file that `name` means: a path, or the name of a shipped recipe (`demo`).

    Raises:
        BadInput: there is neither.
    """
    return find_config("recipe", name)


def load_recipe(path: Path, overrides: tuple[str, ...] = ()) -> LoadedRecipe:
    """Read and validate a recipe; `overrides` are `a.b=value`, the value in YAML.

    Raises:
        BadInput: one line that names file, field, value and mend.
    """
    return LoadedRecipe(load_config(Recipe, path, overrides), path)
