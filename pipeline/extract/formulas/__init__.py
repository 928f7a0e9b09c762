"""Formulas of a web page, from any way the web writes them, as LaTeX."""

from pipeline.extract.formulas.lifted import Lifted
from pipeline.extract.formulas.lifting import lift
from pipeline.extract.formulas.limits import FormulaLimits
from pipeline.extract.formulas.page import Formula

__all__ = ["Formula", "FormulaLimits", "Lifted", "lift"]
