"""Content MathML to LaTeX: `apply` of an operator to its arguments, in the notation that mathematics uses for it."""

from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.symbols import chars_tex, join

_RELATIONS = {"eq": "=", "neq": "\\neq", "gt": ">", "lt": "<", "geq": "\\geq", "leq": "\\leq", "equivalent": "\\equiv",
              "approx": "\\approx", "in": "\\in", "notin": "\\notin", "subset": "\\subseteq", "prsubset": "\\subset",
              "notsubset": "\\not\\subseteq", "notprsubset": "\\not\\subset", "implies": "\\Rightarrow",
              "tendsto": "\\to",
              "factorof": "\\mid"}  # fmt: skip
_INFIX = {"plus": ("+", 4), "times": ("", 6), "and": ("\\wedge", 3), "or": ("\\vee", 2), "xor": ("\\oplus", 3),
          "union": ("\\cup", 3), "intersect": ("\\cap", 4), "compose": ("\\circ", 6), "rem": ("\\bmod", 6),
          "setdiff": ("\\setminus", 4), "cartesianproduct": ("\\times", 6), "vectorproduct": ("\\times", 6),
          "scalarproduct": ("\\cdot", 6), "outerproduct": ("\\otimes", 6)}  # fmt: skip
_FUNCTIONS = {"arccosh": "\\operatorname{arccosh}", "arcsinh": "\\operatorname{arcsinh}",
              "arctanh": "\\operatorname{arctanh}",
              "sech": "\\operatorname{sech}", "csch": "\\operatorname{csch}", "determinant": "\\det", "gcd": "\\gcd",
              "lcm": "\\operatorname{lcm}", "max": "\\max", "min": "\\min", "real": "\\Re", "imaginary": "\\Im",
              "arg": "\\arg",
              "grad": "\\nabla", "divergence": "\\nabla\\cdot", "curl": "\\nabla\\times", "laplacian": "\\nabla^2",
              "codomain": "\\operatorname{codomain}", "domain": "\\operatorname{domain}",
              "image": "\\operatorname{image}"}  # fmt: skip
_NAMED = frozenset(
    "sin cos tan sec csc cot sinh cosh tanh coth arcsin arccos arctan exp ln arccot arcsec arccsc".split()
)
_CONSTANTS = {"pi": "\\pi", "exponentiale": "e", "imaginaryi": "i", "infinity": "\\infty", "emptyset": "\\emptyset",
              "reals": "\\mathbb{R}", "integers": "\\mathbb{Z}", "naturalnumbers": "\\mathbb{N}",
              "rationals": "\\mathbb{Q}",
              "complexes": "\\mathbb{C}", "primes": "\\mathbb{P}", "eulergamma": "\\gamma", "true": "\\text{true}",
              "false": "\\text{false}", "notanumber": "\\text{NaN}"}  # fmt: skip
_QUALIFIERS = frozenset("bvar lowlimit uplimit condition degree logbase domainofapplication momentabout".split())
_TOP = 10
CONTENT = frozenset(
    "apply ci cn csymbol bind reln vector list set interval matrix piecewise lambda".split()
) | frozenset(_CONSTANTS)


def content(node: Element) -> str:
    """LaTeX of a content element."""
    return _write(node)[0]


def _write(node: Element) -> tuple[str, int]:
    """LaTeX and how tightly it binds (10: an atom; 1: a relation)."""
    tag = node.tag
    if tag in ("apply", "reln", "bind"):
        return _apply(node)
    if tag == "cn":
        return _number(node), _TOP
    if tag in ("ci", "csymbol"):
        from pipeline.extract.formulas.mathml import convert  # the two forms hold one another
        from pipeline.extract.formulas.mathml_tokens import mi

        return (join([convert(child) for child in node.elements]) if node.elements else mi(node)), _TOP
    if tag in ("vector", "list", "set", "interval"):
        return _collection(node), _TOP
    if tag in ("matrix", "matrixrow"):
        rows = [row for row in node.elements if row.tag == "matrixrow"]
        body = " \\\\ ".join(" & ".join(content(cell) for cell in row.elements) for row in rows)
        return f"\\begin{{pmatrix}}{body}\\end{{pmatrix}}", _TOP
    if tag == "piecewise":
        return _piecewise(node), _TOP
    if tag == "lambda":
        bound = [content(child.elements[0]) for child in node.elements if child.tag == "bvar" and child.elements]
        image = "".join(content(child) for child in node.elements if child.tag != "bvar")
        return f"{','.join(bound)}\\mapsto {image}", 1
    constant = _CONSTANTS.get(tag)
    if constant:
        return constant, _TOP
    from pipeline.extract.formulas.mathml import convert

    return convert(node), _TOP


def _number(node: Element) -> str:
    parts: list[str] = []
    for child in node.children:
        if isinstance(child, str):
            parts.append("".join(child.split()))
        elif child.tag == "sep":
            parts.append("\0")
    first, _, second = "".join(parts).partition("\0")
    if second:
        kind = node.get("type")
        if kind == "rational":
            return f"\\frac{{{first}}}{{{second}}}"
        if kind == "e-notation":
            return f"{first}\\times 10^{{{second}}}"
        if kind == "complex-cartesian":
            return f"{first}+{second}i"
        return f"{first}e^{{{second}i}}"
    return chars_tex(first)


def _collection(node: Element) -> str:
    items = ",".join(content(child) for child in node.elements if child.tag not in ("bvar", "condition"))
    conditions = [content(child.elements[0]) for child in node.elements if child.tag == "condition" and child.elements]
    if conditions:
        bound = ",".join(content(c.elements[0]) for c in node.elements if c.tag == "bvar" and c.elements)
        items = f"{items or bound}\\mid {','.join(conditions)}"
    if node.tag == "set":
        return f"\\{{{items}\\}}"
    if node.tag == "interval":
        closure = node.get("closure") or "closed"
        left = "(" if closure in ("open", "open-closed") else "["
        right = ")" if closure in ("open", "closed-open") else "]"
        return f"{left}{items}{right}"
    return f"({items})"


def _piecewise(node: Element) -> str:
    rows: list[str] = []
    for child in node.elements:
        parts = [content(part) for part in child.elements]
        if child.tag == "piece" and len(parts) > 1:
            rows.append(f"{parts[0]} & \\text{{if }}{parts[1]}")
        elif parts:
            rows.append(f"{parts[0]} & \\text{{otherwise}}")
    return "\\begin{cases}" + " \\\\ ".join(rows) + "\\end{cases}"


def _bracketed(written: tuple[str, int], level: int) -> str:
    tex, binds = written
    return f"\\left({tex}\\right)" if binds < level else tex


def _qualifiers(node: Element) -> dict[str, str]:
    """The bound variables, limits and conditions of an application."""
    found: dict[str, str] = {}
    for child in node.elements[1:]:
        if child.tag in _QUALIFIERS:
            parts = child.elements
            if parts:
                found[child.tag] = content(parts[0])
                if child.tag == "bvar":
                    degrees = [part for part in parts[1:] if part.tag == "degree" and part.elements]
                    if degrees:
                        found["power"] = content(degrees[0].elements[0])
    return found


def _apply(node: Element) -> tuple[str, int]:
    children = node.elements
    if not children:
        return "", _TOP
    operator = children[0]
    name = operator.tag
    given = _qualifiers(node)
    operands = [
        _write(child) for child in children[1:] if child.tag not in _QUALIFIERS
    ]  # once: twice would double per level
    if name in _RELATIONS:
        return f" {_RELATIONS[name]} ".join(_bracketed(operand, 2) for operand in operands), 1
    if name in _INFIX:
        mark, level = _INFIX[name]
        if name == "times" and len(operands) > 1:
            parts = [_bracketed(operand, level) for operand in operands]
            out = parts[0]
            for part in parts[1:]:
                out = f"{out}\\cdot {part}" if part[:1].isdigit() else join([out, part])
            return out, level
        return f" {mark} ".join(_bracketed(operand, level) for operand in operands).replace("+ -", "- "), level
    if name == "minus":
        if len(operands) == 1:
            return "-" + _bracketed(operands[0], 5), 4
        return " - ".join(_bracketed(operand, 4 + (number > 0)) for number, operand in enumerate(operands)), 4
    if name == "divide" and len(operands) == 2:
        return f"\\frac{{{operands[0][0]}}}{{{operands[1][0]}}}", _TOP
    if name == "power" and len(operands) == 2:
        return f"{_bracketed(operands[0], 9)}^{{{operands[1][0]}}}", 8
    if name == "root" and operands:
        degree = given.get("degree", "")
        index = f"[{degree}]" if degree and degree != "2" else ""
        return f"\\sqrt{index}{{{operands[0][0]}}}", _TOP
    if name in ("sum", "product", "int"):
        command = {"sum": "\\sum", "product": "\\prod", "int": "\\int"}[name]
        low, high, bound = given.get("lowlimit", ""), given.get("uplimit", ""), given.get("bvar", "")
        low = low or given.get("condition", "") or given.get("domainofapplication", "")
        if bound and low and name != "int" and "condition" not in given:
            low = f"{bound}={low}"
        limits = (f"_{{{low}}}" if low else "") + (f"^{{{high}}}" if high else "")
        inner = "".join(_bracketed(operand, 4) for operand in operands)
        tail = f"\\,d{bound}" if name == "int" and bound else ""
        return join([command + limits, " " if not limits else "", inner + tail]), 5
    if name in ("diff", "partialdiff"):
        mark = "d" if name == "diff" else "\\partial "
        inner = "".join(_bracketed(operand, 6) for operand in operands)
        bound = given.get("bvar", "")
        if not bound:
            return f"{inner}'", 8
        power = given.get("power") or given.get("degree") or ""
        exponent = f"^{{{power}}}" if power else ""
        return f"\\frac{{{mark.strip()}{exponent}}}{{{mark}{bound}{exponent}}}{inner}", 6
    if name == "limit":
        below = given.get("condition") or f"{given.get('bvar', '')}\\to {given.get('lowlimit', '')}"
        return f"\\lim_{{{below}}}{''.join(_bracketed(operand, 6) for operand in operands)}", 6
    if name in ("forall", "exists"):
        condition = f",{given['condition']}" if "condition" in given else ""
        return f"\\{name} {given.get('bvar', '')}{condition}: {''.join(o[0] for o in operands)}", 1
    if name == "not":
        return "\\neg " + "".join(_bracketed(operand, 6) for operand in operands), 6
    inner = ",".join(operand[0] for operand in operands)
    if name == "abs":
        return f"\\left|{inner}\\right|", _TOP
    if name == "floor":
        return f"\\lfloor {inner}\\rfloor ", _TOP
    if name == "ceiling":
        return f"\\lceil {inner}\\rceil ", _TOP
    if name == "factorial" and operands:
        return _bracketed(operands[0], 9) + "!", 9
    if name == "conjugate":
        return f"\\overline{{{inner}}}", _TOP
    if name == "transpose" and operands:
        return f"{_bracketed(operands[0], 9)}^{{T}}", 8
    if name == "inverse" and operands:
        return f"{_bracketed(operands[0], 9)}^{{-1}}", 8
    if name == "card":
        return f"|{inner}|", _TOP
    if name == "mean":
        return f"\\overline{{{inner}}}", _TOP
    if name == "selector" and operands:
        rest = ",".join(operand[0] for operand in operands[1:])
        return f"{_bracketed(operands[0], 9)}_{{{rest}}}", 8
    if name == "log":
        head = f"\\log_{{{given['logbase']}}}" if "logbase" in given else "\\log "
    elif name in _NAMED:
        head = f"\\{name} " if name not in ("arccot", "arcsec", "arccsc") else f"\\operatorname{{{name}}}"
    elif name in _FUNCTIONS:
        head = _FUNCTIONS[name]
    else:
        head = _bracketed(_write(operator), 9)
        return f"{head}({inner})" if operands else head, 9
    simple = len(operands) == 1 and operands[0][1] == _TOP and len(inner) < 8
    return (
        join([head.rstrip(), " " if inner[:1].isalnum() else "", inner]) if simple else f"{head.rstrip()}({inner})"
    ), 7
