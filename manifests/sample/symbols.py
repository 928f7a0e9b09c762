"""The TeX commands that the sample pages use, as MathML tokens, with their names in AsciiMath."""

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "zeta": "ζ",
    "delta": "δ",
    "varepsilon": "ε",
    "theta": "θ",
    "lambda": "λ",
    "mu": "μ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "varphi": "φ",
    "kappa": "κ",
    "chi": "χ",
    "omega": "ω",
    "Gamma": "Γ",
    "Delta": "Δ",
    "Phi": "Φ",
    "Omega": "Ω",
}

# Letters that are not Greek: set upright or special, but still identifiers.
LETTERS = {"infty": "∞", "ell": "ℓ", "emptyset": "∅", "partial": "∂", "nabla": "∇", "angle": "∠", "triangle": "△"}
LETTERS |= {"ldots": "…", "cdots": "⋯", "forall": "∀", "exists": "∃"}

BINARY = {"pm": "±", "times": "×", "cdot": "⋅", "div": "÷", "cup": "∪", "cap": "∩", "setminus": "∖", "circ": "∘"}
BINARY |= {"wedge": "∧", "vee": "∨", "bmod": "mod"}

RELATIONS = {"leq": "≤", "geq": "≥", "neq": "≠", "approx": "≈", "equiv": "≡", "in": "∈", "notin": "∉", "subset": "⊂"}
RELATIONS |= {"subseteq": "⊆", "to": "→", "mapsto": "↦", "Rightarrow": "⇒", "iff": "⟺", "perp": "⊥", "sim": "∼"}
RELATIONS |= {"parallel": "∥", "mid": "∣", "cong": "≅"}

LARGE = {"sum": "∑", "prod": "∏", "bigcup": "⋃"}
INTEGRALS = {"int": "∫"}
LIMITS = frozenset({"lim", "max", "min", "gcd", "sup", "inf"})
FUNCTIONS = frozenset({"sin", "cos", "tan", "ln", "log", "exp", "arctan", "det", "dim", "ker", "deg"})

SPACES = {",": "0.1667em", ";": "0.2778em", "quad": "1em", "qquad": "2em", " ": "0.25em"}

DOUBLE_STRUCK = {"N": "ℕ", "Z": "ℤ", "Q": "ℚ", "R": "ℝ", "C": "ℂ", "P": "ℙ", "E": "𝔼", "F": "𝔽"}
ACCENTS = {"overline": "‾", "vec": "→", "hat": "^", "bar": "ˉ"}

BINARY_CHARS = frozenset([*BINARY.values(), "+", "−", "*", "/"]) - {"/"}
RELATION_CHARS = frozenset([*RELATIONS.values(), "=", "<", ">", ":"])
LARGE_CHARS = frozenset([*LARGE.values(), *INTEGRALS.values()])
OPEN_CHARS = frozenset("([{⌊⌈")
CLOSE_CHARS = frozenset(")]}⌋⌉!")
PUNCTUATION = frozenset(",;")

ASCIIMATH = {char: name for name, char in GREEK.items()} | {
    "∞": "oo",
    "∅": "O/",
    "∂": "del",
    "∇": "grad",
    "∠": "/_",
    "△": "/_\\",
    "…": "...",
    "⋯": "cdots",
    "∀": "AA",
    "∃": "EE",
    "±": "+-",
    "×": "xx",
    "⋅": "*",
    "÷": "-:",
    "∪": "uu",
    "∩": "nn",
    "∘": "@",
    "∧": "^^",
    "∨": "vv",
    "∖": "\\\\",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~~",
    "≡": "-=",
    "∈": "in",
    "∉": "!in",
    "⊂": "sub",
    "⊆": "sube",
    "→": "->",
    "↦": "|->",
    "⇒": "=>",
    "⟺": "<=>",
    "⊥": "_|_",
    "≅": "~=",
    "∣": "|",
    "∑": "sum",
    "∏": "prod",
    "∫": "int",
    "⋃": "uuu",
    "−": "-",
    "ℕ": "NN",
    "ℤ": "ZZ",
    "ℚ": "QQ",
    "ℝ": "RR",
    "ℂ": "CC",
    "′": "'",
    "ε": "varepsilon",
    "φ": "varphi",
    "/": "//",
    "⌊": "|__",
    "⌋": "__|",
    "⌈": "|~",
    "⌉": "~|",
}
