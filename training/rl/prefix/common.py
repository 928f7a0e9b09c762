"""What token sequences begin with alike."""


def common_tokens(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many tokens both begin with."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(place for place in range(shorter) if one[place] != other[place])
