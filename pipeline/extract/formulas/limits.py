"""What the formulas of one page may cost. Past a limit a formula stays what it was on the page: plain text."""

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class FormulaLimits(BaseModel):
    """Limits of one page; the defaults pass every page of the benchmarks with a factor of five or more to spare."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    formulas: PositiveInt = Field(50_000, description="formulas of a page")
    tex_chars: PositiveInt = Field(20_000, description="characters of one formula's LaTeX, macros expanded")
    nodes: PositiveInt = Field(2_000_000, description="nodes read back from rendered formulas, over the page")
    depth: PositiveInt = Field(160, description="nesting of one rendered formula (MathML of books stays below 40)")
    expand_macros: bool = Field(True, description="write out macros that the page defines; False keeps their names")
    macros: PositiveInt = Field(2_000, description="macro definitions read from a page")
    macro_depth: PositiveInt = Field(20, description="macros inside macros, before expansion stops")
    expanded_chars: PositiveInt = Field(5_000_000, description="characters that macros may write, over the page")
    config_chars: PositiveInt = Field(200_000, description="characters of one script searched for configuration")
