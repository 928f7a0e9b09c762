import numpy as np
import pytest

from pipeline.dedup.minhash import MinHasher


def overlapping(shared, own, rng):
    """Two lists of words whose 1-grams overlap as told."""
    words = [f"w{number}" for number in rng.permutation(100_000)[: shared + 2 * own]]
    return words[: shared + own], words[:shared] + words[shared + own :]


def test_agreement_estimates_the_jaccard_index():
    hasher = MinHasher(bands=16, rows=8, ngram=1, seed=1)
    rng = np.random.default_rng(5)
    errors = []
    for shared, own in [(100, 100), (300, 50), (50, 200), (400, 10)] * 15:
        one, other = overlapping(shared, own, rng)
        agreement = np.mean(hasher.signature(" ".join(one)) == hasher.signature(" ".join(other)))
        errors.append(agreement - shared / (shared + 2 * own))
    # 128 hashes: a standard error of at most 0.044 each, 0.006 for the mean of 60.
    assert abs(np.mean(errors)) < 0.02
    assert np.std(errors) < 0.06


def test_bands_find_near_duplicates_and_leave_others():
    """Above the knee of 11 × 10 (0.79) nearly all pairs share a band; far below nearly none do."""
    hasher = MinHasher(bands=11, rows=10, ngram=1, seed=1)
    rng = np.random.default_rng(7)

    def found(shared, own):
        one, other = (
            set(enumerate(hasher.band_keys(hasher.signature(" ".join(words)))))
            for words in overlapping(shared, own, rng)
        )
        return bool(one & other)

    assert sum(found(380, 10) for _ in range(50)) >= 49  # Jaccard 0.95
    assert sum(found(200, 100) for _ in range(50)) <= 4  # Jaccard 0.50


def test_signatures_and_keys_are_the_same_everywhere():
    hasher = MinHasher(bands=2, rows=2, ngram=2, seed=1)
    signature = hasher.signature("let x be a group of order 7")
    assert signature.tolist() == [530838887, 212759046, 502788592, 86503386]
    assert hasher.band_keys(signature) == [11315027400242848925, 13931357506976726655]


def test_another_seed_gives_other_hashes():
    one, other = (MinHasher(bands=2, rows=2, ngram=2, seed=seed) for seed in (1, 2))
    assert (one.signature("a b c") != other.signature("a b c")).all()


@pytest.mark.parametrize("text", ["one", "one two", "one two three four"])
def test_short_texts_are_one_shingle(text):
    hasher = MinHasher(bands=1, rows=4, ngram=5, seed=1)
    assert len(hasher._shingles(text.split())) == 1
    assert hasher.signature(text).max() < np.iinfo(np.uint32).max


def test_order_of_words_matters_within_a_shingle():
    hasher = MinHasher(bands=1, rows=8, ngram=3, seed=1)
    assert (hasher.signature("a b c") != hasher.signature("c b a")).all()
