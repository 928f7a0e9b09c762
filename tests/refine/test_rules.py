"""The offline editor: what it repairs, and that it touches nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.refine.rules import NAME, edit


def test_it_says_its_name_and_version():
    assert NAME == "rules@2"


def test_lines_of_navigation_go_and_lines_with_a_number_stay():
    text = "Skip to content\nHome\nLog in\n\nA prime has two divisors.\n\nShare on Facebook\n\nNext 2\n\n**Read more…**"
    assert edit(text) == "A prime has two divisors.\n\nNext 2"


def test_broken_lines_are_joined_and_short_ones_are_not():
    first, second = "The sum of the first odd numbers up to any of them is", "always a square, as one sees."
    assert edit(f"{first}\n{second}\nA rose\nis a rose") == f"{first} {second}\nA rose\nis a rose"


def test_a_hyphenated_word_is_whole_where_the_page_has_it_elsewhere():
    text = "This one is what we call an irreducible poly-\nnomial, which is a well-\nknown notion."
    assert edit(text) == "This one is what we call an irreducible poly-nomial, which is a well-known notion."
    assert edit(f"{text}\n\nEvery polynomial.").startswith("This one is what we call an irreducible polynomial, which")


def test_a_repeated_paragraph_stands_once():
    paragraph = "Every bounded monotone sequence of real numbers has a limit, and the limit is unique."
    assert edit(f"{paragraph}\n\nOther.\n\n{paragraph}\n\nOther.") == f"{paragraph}\n\nOther.\n\nOther."


def test_delimiters_are_written_in_one_way():
    text = "Let \\( x \\) and \\(y^2\\) be.\n\n\\[ x = y \\]\n\nA row \\\\[2pt] and \\(unclosed"
    assert edit(text) == "Let $x$ and $y^2$ be.\n\n$$ x = y $$\n\nA row \\\\[2pt] and \\(unclosed"


def test_delimiters_without_a_partner_leave_their_paragraph_as_it_is():
    for text in ("\\[\n  \n\\[\n\\]", "$$\n```\n\\[ x \\]\n\n\\( z \\)"):
        assert edit(text).count("\\[") == text.count("\\[")
        assert edit(edit(text)) == edit(text)


def test_code_is_never_touched():
    code = "```text\nHome\nlog in  \n\n\n\\(x\\)\n```\n"
    assert edit(code) == code.strip("\n")


def test_tables_lists_and_headings_keep_their_lines():
    text = (
        "# A heading that is certainly longer than forty characters\nand text\n\n"
        "- an item that is certainly longer than forty\n- items"
    )
    assert edit(text) == text


def test_a_text_of_navigation_alone_stays():
    assert edit("Home\nLog in") == "Home\nLog in"


LINES = st.sampled_from(
    [
        "The beginning of a line that is long enough to be joined with",
        "another one that follows it and is long enough for the next",
        "short",
        "cut hy-",
        "The beginning of a line that ends with a cut of the word hy-",
        "phen",
        "hyphen",
        "Home",
        "",
        "  ",
        "$x$ and \\(y\\)",
        "\\[",
        "\\]",
        "\\( z \\)",
        "```",
        "# H",
        "| a | b |",
        "$$",
        "\u00a0",
        "\u200bHome",
    ]
)


@given(st.lists(LINES, max_size=30))
def test_editing_twice_is_editing_once(lines):
    once = edit("\n".join(lines))
    assert edit(once) == once
