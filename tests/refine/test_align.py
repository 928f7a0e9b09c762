from pipeline.refine.align import Pair, align, in_lines

BEFORE = """# Squares

We will now compute the square of $x+1$ as follows.

Click here to subscribe to our newsletter!

$$(x+1)^2 = x^2 + 2x + 1$$

Hence the claim."""
AFTER = """# Squares

The square of $x+1$ is computed here.

$$(x+1)^2 = x^2 + 2x + 1$$

Hence the claim.

This closes the proof."""


def test_paragraphs_find_their_counterparts():
    assert align(BEFORE, AFTER) == [
        Pair("# Squares", "# Squares"),
        Pair("We will now compute the square of $x+1$ as follows.", "The square of $x+1$ is computed here."),
        Pair("Click here to subscribe to our newsletter!", None),
        Pair("$$(x+1)^2 = x^2 + 2x + 1$$", "$$(x+1)^2 = x^2 + 2x + 1$$"),
        Pair("Hence the claim.", "Hence the claim."),
        Pair(None, "This closes the proof."),
    ]


def test_nothing_is_lost_or_doubled():
    pairs = align(BEFORE, AFTER)
    assert "\n\n".join(pair.before for pair in pairs if pair.before is not None) == BEFORE
    assert "\n\n".join(pair.after for pair in pairs if pair.after is not None) == AFTER


def test_one_side_may_be_empty():
    assert align("", "One.\n\nTwo.") == [Pair(None, "One."), Pair(None, "Two.")]
    assert align("One.", "") == [Pair("One.", None)]
    assert align("", "") == []


def test_the_lines_show_what_changed():
    assert in_lines(align(BEFORE, AFTER)) == [
        "  # Squares",
        "- We will now compute the square of $x+1$ as follows.",
        "+ The square of $x+1$ is computed here.",
        "- Click here to subscribe to our newsletter!",
        "  $$(x+1)^2 = x^2 + 2x + 1$$",
        "  Hence the claim.",
        "+ This closes the proof.",
    ]
