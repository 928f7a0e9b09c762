r"""Carriers: what was put into a response is read back byte for byte, whatever it holds; templates that ship."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import manifests
from pipeline.errors import BadInput
from training.rpt.carrier import Carrier
from training.rpt.templates import load_rpt_template

THINKING = Carrier(after="</think>")
BARE = Carrier()
MARKED = Carrier(form="marked")
SHIPPED = ("rpt-v0", "rpt-v6", "rpt-plain", "rpt-segment", "rpt-masked")

SNIPPETS = [
    "{",
    "}",
    "\\",
    "\n",
    " ",
    "\\frac",
    "$",
    ".",
    "*",
    "\\boxed{",
    "boxed{",
    "</think>",
    "</next>",
    "<next>",
    "é",
    "𝔽",
    "x",
]
text = st.one_of(st.text(), st.lists(st.sampled_from(SNIPPETS), max_size=8).map("".join))


@pytest.mark.parametrize(
    ("response", "prediction"),
    [
        (rb"\boxed{ the}", b" the"),
        (rb"so \boxed{ the }.", b" the "),
        (b"\\boxed{\n}", b"\n"),
        (b"\\boxed{a\n\nb}\n", b"a\n\nb"),
        (rb"\boxed{\frac{1}{2}}", rb"\frac{1}{2}"),
        (rb"\boxed{\frac{1}{2}} follows.", rb"\frac{1}{2}"),
        (rb"$\boxed{x}$", b"x"),
        (rb"**\boxed{x}**", b"x"),
        (rb"\boxed{}", b""),
        (rb"\boxed{a} or rather \boxed{b}", b"b"),
        (rb"\boxed{a} or rather \boxed{b", b"a"),
        (rb"no box", None),
        (rb"\boxed", None),
        (rb"\boxed{x", None),
        # Braces that do not balance.
        (rb"\boxed{}}", b"}"),
        (rb"\boxed{{}", b"{"),
        (rb"\boxed{}{}", b"}{"),
        (b"\\boxed{}\n\n}", b"}\n\n"),
        (rb"\boxed{)}^{}", b")}^{"),
        (rb"\boxed{\{}", rb"\{"),
        (rb"\boxed{\}}", rb"\}"),
        (rb"\boxed{\}", b"\\"),
        (rb"\boxed{\\}", rb"\\"),
        (rb"\boxed{{} is my answer", b"{"),
        (rb"\boxed{{} or rather \boxed{x}", b"x"),
        # Words behind a box: it ends at its own brace, unless the response ends with another one.
        (rb"\boxed{ the}, since \frac{1}{2} is there", b" the"),
        (rb"\boxed{ \boxed{5}}", rb" \boxed{5}"),
    ],
)
def test_boxes(response: bytes, prediction: bytes | None) -> None:
    assert BARE.parse(response) == prediction
    assert THINKING.parse(response) is None
    assert THINKING.parse(rb"perhaps \boxed{0}?</think>" + response) == prediction


@pytest.mark.parametrize(
    ("response", "prediction"),
    [
        (b"<next> the</next>", b" the"),
        (b"a <next>b</next> c <next>\n}\\</next>", b"\n}\\"),
        (b"<next></next>", b""),
        (b"<next>a", None),
        (b"a</next>", None),
        (b"<next>a</next> <next>b", None),
        (b"<next></nex</next>", b"</nex"),
    ],
)
def test_markers(response: bytes, prediction: bytes | None) -> None:
    assert MARKED.parse(response) == prediction


def test_the_last_end_of_a_thought_counts() -> None:
    assert THINKING.parse(rb"a</think>\boxed{x}</think>\boxed{y}") == b"y"
    assert THINKING.parse(rb"a</think>\boxed{x}</think>") is None
    assert Carrier(form="marked", after="|").parse(b"<next>a</next>|<next>b</next>") == b"b"


@pytest.mark.parametrize("carrier", [THINKING, BARE, MARKED, Carrier(before="<think>\n", after="\n</think>")])
@settings(max_examples=250, deadline=None, database=None, derandomize=True)
@given(thought=text, prediction=text)
def test_what_is_wrapped_is_read_back_or_refused(carrier: Carrier, thought: str, prediction: str) -> None:
    own = [carrier.open, carrier.close] if carrier.form == "marked" else ["\\boxed{"]
    own += [carrier.after] if carrier.after else []
    try:
        response = carrier.wrap(thought, prediction)
    except ValueError as error:
        refused = str(error)
    else:
        assert response.startswith(carrier.before + thought)
        assert carrier.parse(response.encode()) == prediction.encode()
        return
    assert "would be read as another one" in refused
    assert any(word in thought + prediction for word in own), "refused for anything but the carrier's own words"


def test_every_piece_of_mathematics_is_carried() -> None:
    pieces = [
        "}",
        "{",
        "}{",
        "}}{",
        "\\}",
        "\\",
        "\n}",
        "}\n",
        "{\n",
        " $",
        "$.",
        "\\boxed",
        " ",
        "",
        "}^{2}",
        "\\text{ a}",
    ]
    for carrier in (THINKING, BARE, MARKED):
        for piece in pieces:
            assert carrier.parse(carrier.wrap("by { and } in thought", piece).encode()) == piece.encode()


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="is no text: byte 1 is half a character"):
        BARE.wrap("", b"a\xc3")
    assert BARE.parse(b"\\boxed{a\xc3}") == b"a\xc3"


def test_a_response_of_nothing_but_openings_is_read_in_one_pass() -> None:
    assert BARE.parse(b"\\boxed{" * 100_000 + b"}") == b""
    assert BARE.parse(b"\\boxed{" * 100_000) is None


def test_shipped_templates() -> None:
    for name in SHIPPED:
        template = load_rpt_template(name)
        assert template.name == name
        assert template.head
        assert template.tail
        response = template.carrier.wrap("The word before is an article.", " theorem")
        assert template.carrier.parse(response.encode()) == b" theorem"
    assert len({load_rpt_template(name).digest for name in SHIPPED}) == len(SHIPPED)
    assert {path.stem for path in (manifests.ROOT / "rpt-templates").glob("*.yaml")} >= set(SHIPPED)


def test_a_template_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"rpt-v9: no such rpt-template file; .*rpt-plain, .*rpt-v0, rpt-v6"):
        load_rpt_template("rpt-v9")
    path = tmp_path / "mine.yaml"
    path.write_text("tial: x\n")
    with pytest.raises(BadInput, match=r"mine.yaml: tial: \"x\": unknown key; did you mean tail\?"):
        load_rpt_template(str(path))
    path.write_text('carrier: {after: ""}\n')
    with pytest.raises(BadInput, match=r"carrier: .*after is empty; name the tag that ends a thought"):
        load_rpt_template(str(path))
    path.write_text('carrier: {form: marked, open: "|", close: "|"}\n')
    with pytest.raises(BadInput, match=r"carrier: .*close '\|' holds open '\|'; take markers"):
        load_rpt_template(str(path))
