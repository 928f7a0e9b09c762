"""Characters of mathematics and the LaTeX that writes them.

Pairs of a character and a command, from the Unicode chart names and the LaTeX base, amsmath and amssymb symbol lists.
"""

import re
import unicodedata

_PAIRS = r"""
α \alpha β \beta γ \gamma δ \delta ε \varepsilon ζ \zeta η \eta θ \theta ι \iota κ \kappa λ \lambda μ \mu ν \nu
ξ \xi ο o π \pi ρ \rho ς \varsigma σ \sigma τ \tau υ \upsilon φ \varphi χ \chi ψ \psi ω \omega ϑ \vartheta ϕ \phi
ϖ \varpi ϰ \varkappa ϱ \varrho ϵ \epsilon ϝ \digamma Ϝ \digamma Α A Β B Γ \Gamma Δ \Delta Ε E Ζ Z Η H Θ \Theta Ι I
Κ K Λ \Lambda Μ M Ν N Ξ \Xi Ο O Π \Pi Ρ P Σ \Sigma Τ T Υ \Upsilon Φ \Phi Χ X Ψ \Psi Ω \Omega µ \mu Ω \Omega
ϒ \Upsilon ϴ \Theta ∂ \partial ∇ \nabla ∆ \Delta ∅ \emptyset ∀ \forall ∁ \complement ∃ \exists ∄ \nexists ∈ \in
∉ \notin ∊ \in ∋ \ni ∌ \not\ni ∍ \ni ∎ \blacksquare ∏ \prod ∐ \coprod ∑ \sum − - ∓ \mp ∔ \dotplus ∕ / ∖ \setminus
∗ * ∘ \circ ∙ \bullet √ \surd ∛ \sqrt[3]{} ∜ \sqrt[4]{} ∝ \propto ∞ \infty ∟ \llcorner ∠ \angle ∡ \measuredangle
∢ \sphericalangle ∣ \mid ∤ \nmid ∥ \parallel ∦ \nparallel ∧ \wedge ∨ \vee ∩ \cap ∪ \cup ∫ \int ∬ \iint ∭ \iiint
⨌ \iiiint ∮ \oint ∯ \oiint ∰ \oiiint ∱ \int ∲ \oint ∳ \oint ∴ \therefore ∵ \because ∶ : ∷ :: ∸ \dot{-} ∹ -:
∺ \dot{=} ∻ \sim ∼ \sim ∽ \backsim ∾ \sim ∿ \sim ≀ \wr ≁ \nsim ≂ \eqsim ≃ \simeq ≄ \not\simeq ≅ \cong ≆ \ncong
≇ \ncong ≈ \approx ≉ \not\approx ≊ \approxeq ≋ \approx ≌ \cong ≍ \asymp ≎ \Bumpeq ≏ \bumpeq ≐ \doteq ≑ \doteqdot
≒ \fallingdotseq ≓ \risingdotseq ≔ := ≕ =: ≖ \eqcirc ≗ \circeq ≘ \frown ≙ \stackrel{\wedge}{=} ≚ \stackrel{\vee}{=}
≛ \stackrel{\star}{=} ≜ \triangleq ≝ \stackrel{\text{def}}{=} ≞ \stackrel{m}{=} ≟ \stackrel{?}{=} ≠ \neq ≡ \equiv
≢ \not\equiv ≣ \equiv ≤ \leq ≥ \geq ≦ \leqq ≧ \geqq ≨ \lneqq ≩ \gneqq ≪ \ll ≫ \gg ≬ \between ≭ \not\asymp ≮ \nless
≯ \ngtr ≰ \nleq ≱ \ngeq ≲ \lesssim ≳ \gtrsim ≴ \not\lesssim ≵ \not\gtrsim ≶ \lessgtr ≷ \gtrless ≸ \not\lessgtr
≹ \not\gtrless ≺ \prec ≻ \succ ≼ \preccurlyeq ≽ \succcurlyeq ≾ \precsim ≿ \succsim ⊀ \nprec ⊁ \nsucc ⊂ \subset
⊃ \supset ⊄ \not\subset ⊅ \not\supset ⊆ \subseteq ⊇ \supseteq ⊈ \nsubseteq ⊉ \nsupseteq ⊊ \subsetneq ⊋ \supsetneq
⊌ \cup ⊍ \cupdot ⊎ \uplus ⊏ \sqsubset ⊐ \sqsupset ⊑ \sqsubseteq ⊒ \sqsupseteq ⊓ \sqcap ⊔ \sqcup ⊕ \oplus ⊖ \ominus
⊗ \otimes ⊘ \oslash ⊙ \odot ⊚ \circledcirc ⊛ \circledast ⊜ \ominus ⊝ \circleddash ⊞ \boxplus ⊟ \boxminus ⊠ \boxtimes
⊡ \boxdot ⊢ \vdash ⊣ \dashv ⊤ \top ⊥ \bot ⊦ \vdash ⊧ \models ⊨ \vDash ⊩ \Vdash ⊪ \Vvdash ⊫ \VDash ⊬ \nvdash
⊭ \nvDash ⊮ \nVdash ⊯ \nVDash ⊰ \prec ⊱ \succ ⊲ \vartriangleleft ⊳ \vartriangleright ⊴ \trianglelefteq
⊵ \trianglerighteq ⊸ \multimap ⊹ \dagger ⊺ \intercal ⊻ \veebar ⊼ \barwedge ⊽ \overline{\vee} ⊾ \angle ⊿ \triangle
⋀ \bigwedge ⋁ \bigvee ⋂ \bigcap ⋃ \bigcup ⋄ \diamond ⋅ \cdot ⋆ \star ⋇ \divideontimes ⋈ \bowtie ⋉ \ltimes ⋊ \rtimes
⋋ \leftthreetimes ⋌ \rightthreetimes ⋍ \backsimeq ⋎ \curlyvee ⋏ \curlywedge ⋐ \Subset ⋑ \Supset ⋒ \Cap ⋓ \Cup
⋔ \pitchfork ⋕ \# ⋖ \lessdot ⋗ \gtrdot ⋘ \lll ⋙ \ggg ⋚ \lesseqgtr ⋛ \gtreqless ⋜ \leq ⋝ \geq ⋞ \curlyeqprec
⋟ \curlyeqsucc ⋠ \npreceq ⋡ \nsucceq ⋢ \not\sqsubseteq ⋣ \not\sqsupseteq ⋦ \lnsim ⋧ \gnsim ⋨ \precnsim ⋩ \succnsim
⋪ \ntriangleleft ⋫ \ntriangleright ⋬ \ntrianglelefteq ⋭ \ntrianglerighteq ⋮ \vdots ⋯ \cdots ⋰ \iddots ⋱ \ddots
… \ldots ⩽ \leqslant ⩾ \geqslant ⩵ == ⩴ ::= ⪅ \lessapprox ⪆ \gtrapprox ⪇ \lneq ⪈ \gneq ⪉ \lnapprox ⪊ \gnapprox
⪋ \lesseqqgtr ⪌ \gtreqqless ⪕ \eqslantless ⪖ \eqslantgtr ⪯ \preceq ⪰ \succeq ⪵ \precneqq ⪶ \succneqq ⪷ \precapprox
⪸ \succapprox ⪹ \precnapprox ⪺ \succnapprox ⫅ \subseteqq ⫆ \supseteqq ⫋ \subsetneqq ⫌ \supsetneqq ⨀ \bigodot
⨁ \bigoplus ⨂ \bigotimes ⨃ \biguplus ⨄ \biguplus ⨅ \bigsqcap ⨆ \bigsqcup ⨉ \times ⨯ \times ⨿ \amalg
⩞ \doublebarwedge ⨍ \int ⫫ \perp ⟂ \perp ⫽ // ← \leftarrow ↑ \uparrow → \rightarrow ↓ \downarrow ↔ \leftrightarrow
↕ \updownarrow ↖ \nwarrow ↗ \nearrow ↘ \searrow ↙ \swarrow ↚ \nleftarrow ↛ \nrightarrow ↝ \rightsquigarrow
⇝ \rightsquigarrow ↜ \leftarrow ↞ \twoheadleftarrow ↠ \twoheadrightarrow ↢ \leftarrowtail ↣ \rightarrowtail
↤ \leftarrow ↦ \mapsto ↩ \hookleftarrow ↪ \hookrightarrow ↫ \looparrowleft ↬ \looparrowright ↭ \leftrightsquigarrow
↮ \nleftrightarrow ↰ \Lsh ↱ \Rsh ↶ \curvearrowleft ↷ \curvearrowright ↺ \circlearrowleft ↻ \circlearrowright
↼ \leftharpoonup ↽ \leftharpoondown ↾ \upharpoonright ↿ \upharpoonleft ⇀ \rightharpoonup ⇁ \rightharpoondown
⇂ \downharpoonright ⇃ \downharpoonleft ⇄ \rightleftarrows ⇆ \leftrightarrows ⇇ \leftleftarrows ⇈ \upuparrows
⇉ \rightrightarrows ⇊ \downdownarrows ⇋ \leftrightharpoons ⇌ \rightleftharpoons ⇍ \nLeftarrow ⇎ \nLeftrightarrow
⇏ \nRightarrow ⇐ \Leftarrow ⇑ \Uparrow ⇒ \Rightarrow ⇓ \Downarrow ⇔ \Leftrightarrow ⇕ \Updownarrow ⇚ \Lleftarrow
⇛ \Rrightarrow ⇠ \dashleftarrow ⇢ \dashrightarrow ⟵ \longleftarrow ⟶ \longrightarrow ⟷ \longleftrightarrow
⟸ \Longleftarrow ⟹ \Longrightarrow ⟺ \Longleftrightarrow ⟼ \longmapsto ⟿ \leadsto ⤳ \leadsto ⟨ \langle ⟩ \rangle
〈 \langle 〉 \rangle 〈 \langle 〉 \rangle ⟪ \langle\langle ⟫ \rangle\rangle ⟦ \llbracket ⟧ \rrbracket 〚 \llbracket
〛 \rrbracket ⌈ \lceil ⌉ \rceil ⌊ \lfloor ⌋ \rfloor ⟮ \lgroup ⟯ \rgroup ⎰ \lmoustache ⎱ \rmoustache ⌜ \ulcorner
⌝ \urcorner ⌞ \llcorner ⌟ \lrcorner ‖ \| ∣ \mid ∥ \parallel ⦀ \||| ± \pm × \times ÷ \div · \cdot • \bullet ∙ \cdot
⋅ \cdot ¬ \neg † \dagger ‡ \ddagger § \S ¶ \P © \copyright ® \circledR £ \pounds ¥ \yen ° {}^{\circ} ′ ' ″ '' ‴ '''
⁗ '''' ‵ \backprime ∶ : ℏ \hbar ħ \hbar ℎ h ℓ \ell ℘ \wp ℑ \Im ℜ \Re ℵ \aleph ℶ \beth ℷ \gimel ℸ \daleth ℧ \mho
Å \mathring{A} Å \mathring{A} ı \imath ȷ \jmath 𝚤 \imath 𝚥 \jmath ð \eth ℰ \mathcal{E} ℱ \mathcal{F} ℋ \mathcal{H}
ℐ \mathcal{I} ℒ \mathcal{L} ℳ \mathcal{M} ℛ \mathcal{R} ℬ \mathcal{B} ℯ e ℊ \mathcal{g} ℴ \mathcal{o} ℂ \mathbb{C}
ℍ \mathbb{H} ℕ \mathbb{N} ℙ \mathbb{P} ℚ \mathbb{Q} ℝ \mathbb{R} ℤ \mathbb{Z} ℭ \mathfrak{C} ℌ \mathfrak{H}
ℨ \mathfrak{Z} ℾ \mathbb{\Gamma} ℿ \mathbb{\Pi} ℽ \mathbb{\gamma} ℼ \mathbb{\pi} ⅀ \mathbb{\Sigma} ⅅ D ⅆ d ⅇ e ⅈ i
ⅉ j ⅁ \Game ⅋ \& ■ \blacksquare □ \square ▢ \square ▪ \blacksquare ▫ \square ▲ \blacktriangle △ \triangle
▴ \blacktriangle ▵ \vartriangle ▶ \blacktriangleright ▷ \triangleright ▸ \blacktriangleright ▹ \triangleright
▼ \blacktriangledown ▽ \bigtriangledown ▾ \blacktriangledown ▿ \triangledown ◀ \blacktriangleleft ◁ \triangleleft
◂ \blacktriangleleft ◃ \triangleleft ◆ \blacklozenge ◇ \diamond ◊ \lozenge ⧫ \blacklozenge ◯ \bigcirc ○ \circ
● \bullet ◦ \circ ★ \bigstar ☆ \star ♠ \spadesuit ♡ \heartsuit ♢ \diamondsuit ♣ \clubsuit ♥ \heartsuit
♦ \diamondsuit ♭ \flat ♮ \natural ♯ \sharp ✓ \checkmark ✠ \maltese ⌢ \frown ⌣ \smile ⏞ \overbrace{} ⏟ \underbrace{}
⟋ / ⟍ \setminus ‐ - ‑ - ‒ - – - — - ⁃ - ∥ \parallel ‥ .. ∶ : 〃 '' ∕ / ⁄ / ｜ | ∣ \mid ⊥ \bot ¦ | „ '' “ `` ” '' ‘ `
’ ' ¿ ? ¡ ! ⟝ \vdash ⟘ \bot ⟙ \top ⫌ \supsetneqq ⧸ / ⧵ \setminus ∖ \setminus ⦁ \bullet ⟜ \multimap ⌀ \varnothing
⦰ \varnothing Ø \varnothing ⧺ + ␣ \text{␣}
"""

TEX: dict[str, str] = {}
for _char, _tex in zip(*[iter(_PAIRS.split())] * 2, strict=True):
    TEX.setdefault(_char, _tex)
TEX.update({"\\": "\\backslash", "{": "\\{", "}": "\\}", "$": "\\$", "#": "\\#", "%": "\\%", "&": "\\&", "_": "\\_"})
TEX.update({"^": "\\hat{}", "~": "\\sim", "\u00a0": "~", "\u2003": "\\quad", "\u2002": "\\enspace", "\u2001": "\\quad"})
TEX.update({"\u2009": "\\,", "\u2006": "\\,", "\u2005": "\\:", "\u2004": "\\;", "\u200a": "", "\u202f": "\\,"})
TEX.update(
    {"\u205f": "\\:", "\u2007": "~", "\u2008": "\\,", "\u3000": "\\quad", "\u2000": "\\enspace", "\u0338": "\\not"}
)
# Invisible operators, joiners, direction marks and variation selectors write nothing.
INVISIBLE = frozenset(
    "\u2061\u2062\u2063\u2064\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u2028\u2029"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
TEX.update(dict.fromkeys(INVISIBLE, ""))

# Combining and spacing accents, and what stands over or under a base in MathML.
ACCENTS = {
    "^": "\\hat", "ˆ": "\\hat", "\u0302": "\\hat", "~": "\\tilde", "˜": "\\tilde", "\u0303": "\\tilde", "∼": "\\tilde",
    "¯": "\\bar", "ˉ": "\\bar", "\u0304": "\\bar", "\u0305": "\\overline", "‾": "\\overline", "―": "\\overline",
    "_": "\\overline", "−": "\\bar", "-": "\\bar", "–": "\\bar", "—": "\\overline", "─": "\\overline",
    "→": "\\vec", "⃗": "\\vec", "⟶": "\\overrightarrow", "←": "\\overleftarrow", "\u20d6": "\\overleftarrow",
    "⇀": "\\vec", "⃑": "\\vec", "↔": "\\overleftrightarrow", "\u20e1": "\\overleftrightarrow",
    "˙": "\\dot", "\u0307": "\\dot", ".": "\\dot", "¨": "\\ddot", "\u0308": "\\ddot", "⃛": "\\dddot", "⃜": "\\ddddot",
    "˘": "\\breve", "\u0306": "\\breve", "ˇ": "\\check", "\u030c": "\\check", "´": "\\acute", "\u0301": "\\acute",
    "`": "\\grave", "\u0300": "\\grave", "˚": "\\mathring", "\u030a": "\\mathring", "⏞": "\\overbrace",
    "︷": "\\overbrace",
    "⌢": "\\overset{\\frown}", "⏜": "\\overparen", "⎴": "\\overbracket",
}  # fmt: skip
UNDER = {
    "_": "\\underline", "\u0332": "\\underline", "‾": "\\underline", "¯": "\\underline", "―": "\\underline",
    "−": "\\underline", "-": "\\underline", "–": "\\underline", "—": "\\underline", "ˉ": "\\underline",
    "⏟": "\\underbrace", "︸": "\\underbrace", "→": "\\underrightarrow", "←": "\\underleftarrow",
    "↔": "\\underleftrightarrow", "⏝": "\\underparen", "⎵": "\\underbracket", "~": "\\utilde", "˜": "\\utilde",
}  # fmt: skip
WIDE = {"\\hat": "\\widehat", "\\tilde": "\\widetilde", "\\bar": "\\overline", "\\vec": "\\overrightarrow"}

FUNCTIONS = frozenset(
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max"
    " min Pr sec sin sinh sup tan tanh injlim projlim".split()
)
LARGE = frozenset("∑∏∐⋀⋁⋂⋃⨀⨁⨂⨃⨄⨅⨆∫∬∭⨌∮∯∰")
OPENING = frozenset("([{⟨〈〈⌈⌊⟦〚⟪⟮⌜⌞|‖∣∥")
CLOSING = frozenset(")]}⟩〉〉⌉⌋⟧〛⟫⟯⌝⌟|‖∣∥")
# A fence as it stands behind \left or \right.
FENCES = {
    "{": "\\{", "}": "\\}", "|": "|", "∣": "|", "‖": "\\|", "∥": "\\|", "⟨": "\\langle", "⟩": "\\rangle",
    "\u2329": "\\langle", "\u232a": "\\rangle", "\u3008": "\\langle", "\u3009": "\\rangle", "<": "\\langle",
    ">": "\\rangle",
}  # fmt: skip

# The alphabets of U+1D400..1D7FF, in blocks of 52 letters; then Greek, then digits.
_ALPHABETS = (
    "\\mathbf", "", "\\boldsymbol", "\\mathcal", "\\boldsymbol", "\\mathfrak", "\\mathbb", "\\mathfrak", "\\mathsf",
    "\\mathsf", "\\mathsf", "\\mathsf", "\\mathtt",
)  # fmt: skip
_GREEK_ALPHABETS = ("\\mathbf", "", "\\boldsymbol", "\\mathsf", "\\mathsf")
# What NFKC turns into plain sisters: epsilon, theta, kappa, phi, rho and pi, at the end of each alphabet.
_VARIANT_GREEK = "ϵϑϰϕϱϖ"
_VARIANT_CODES = frozenset(start + place for start in range(0x1D6DC, 0x1D7CA, 58) for place in range(6))
_DIGITS = ("\\mathbf", "\\mathbb", "\\mathsf", "\\mathsf", "\\mathtt")
VARIANTS = {
    "bold": "\\mathbf", "italic": "", "bold-italic": "\\boldsymbol", "double-struck": "\\mathbb", "script": "\\mathcal",
    "bold-script": "\\mathcal", "fraktur": "\\mathfrak", "bold-fraktur": "\\mathfrak", "sans-serif": "\\mathsf",
    "bold-sans-serif": "\\mathsf", "sans-serif-italic": "\\mathsf", "sans-serif-bold-italic": "\\mathsf",
    "monospace": "\\mathtt", "normal": "\\mathrm",
}  # fmt: skip
_NEGATION = "\u0338"
_NEGATED = re.compile(f"([^{_NEGATION}])({_NEGATION})")  # what has no character of its own: LaTeX negates in advance
_WORD_END = re.compile(r"\\[a-zA-Z]+$")


def styled(char: str) -> tuple[str, str]:
    """The plain character of a styled mathematical letter or digit, and the font command ("" for italic or none)."""
    code = ord(char)
    if not 0x1D400 <= code <= 0x1D7FF:
        return char, ""
    plain = _VARIANT_GREEK[(code - 0x1D6DC) % 58] if code in _VARIANT_CODES else unicodedata.normalize("NFKC", char)
    if code < 0x1D6A4:
        font = _ALPHABETS[(code - 0x1D400) // 52]
    elif code < 0x1D6A8:
        return char, ""
    elif code < 0x1D7CC:
        font = _GREEK_ALPHABETS[min((code - 0x1D6A8) // 58, 4)]
    else:
        font = _DIGITS[max(0, min((code - 0x1D7CE) // 10, 4))]
    return plain, font


def char_tex(char: str) -> str:
    """LaTeX of one character in math mode. Unknown characters stand for themselves."""
    if char < "\x7f" and char.isalnum():
        return char
    known = TEX.get(char)
    if known is not None:
        return known
    plain, font = styled(char)
    if plain != char:
        inner = TEX.get(plain, plain)
        return f"{font}{{{inner}}}" if font else inner
    decomposed = unicodedata.normalize("NFD", char)
    if len(decomposed) == 2 and decomposed[1] in ACCENTS and decomposed[0] < "\x7f":
        return f"{ACCENTS[decomposed[1]]}{{{decomposed[0]}}}"
    if len(decomposed) == 2 and decomposed[1] == "\u0338":
        return "\\not" + char_tex(decomposed[0])
    compatible = unicodedata.normalize("NFKC", char)
    if compatible != char and len(compatible) == 1:
        return char_tex(compatible)
    return char


def join(pieces: list[str]) -> str:
    """Pieces of LaTeX side by side, a space between where a command's name would run into a letter."""
    out: list[str] = []
    last = ""
    for piece in pieces:
        if not piece:
            continue
        if last and piece[0].isalpha() and last[-1].isalpha() and _WORD_END.search(last):
            out.append(" ")
        out.append(piece)
        last = piece
    return "".join(out)


def chars_tex(text: str) -> str:
    """LaTeX of a run of characters in math mode."""
    if text.isascii() and text.isalnum():
        return text
    if _NEGATION in text:
        text = _NEGATED.sub(r"\2\1", unicodedata.normalize("NFC", text))
    return join([char_tex(char) for char in text])
