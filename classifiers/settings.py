"""Settings of a training run. They go into the model's card; equal settings and data give an equal model file."""

from pydantic import BaseModel, ConfigDict, Field


class TrainSettings(BaseModel):
    """How labelled texts become a fastText model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive: str = "math"
    """The label whose probability is the score; every other label of the data counts against it."""
    cut: int | None = None
    """Lowest `score` of a row that is `positive`, the others being `other`; null: labels as the rows have them."""
    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share of the texts, at most, that is held out in whole sources: for the card's figures and for calibration."""
    piece_chars: tuple[int, ...] = (100, 250, 600, 1500, 5000, 12000)
    """Lengths of the pieces that texts are cut into, taken in turn: pages are short and long, and so is training."""
    pieces_per_source: int = Field(default=6000, gt=0)
    """At most so many pieces of one source, so that no source is the whole of its label."""
    stripped_share: float = Field(default=0.6, ge=0, le=1)
    """Share of the positive pieces that are also given, stripped to general words, to the other side: what remains of
    a mathematical page when all mathematics is taken away must not score."""
    scrap_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the other pieces of which a scrap of a few tokens is given, too: what holds next to nothing, or nothing
    but unknown words, must not score."""
    dim: int = Field(default=16, gt=0)
    """Length of the word vectors."""
    word_ngrams: int = Field(default=2, ge=1)
    """Longest word n-gram that is a feature."""
    min_count: int = Field(default=3, ge=1)
    """Words seen less often are unknown."""
    bucket: int = Field(default=2_000_000, ge=0)
    """Hash buckets of the word n-grams; with few of them an unknown n-gram often falls on a known one's."""
    epoch: int = Field(default=15, gt=0)
    """Passes over the pieces."""
    learning_rate: float = Field(default=0.1, gt=0)
    """fastText's initial learning rate."""
    seed: int = 7
    """Seed of the sources held out, of the pieces' order and of fastText."""
    cutoff: int = Field(default=40_000, ge=0)
    """Features kept when the model is quantised (.ftz); 0 keeps all."""
    requantise_subvector: int = Field(default=2, gt=0)
    """Length of the parts that product quantisation encodes as one byte."""
