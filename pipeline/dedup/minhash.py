"""MinHash signatures and LSH band keys, on whole arrays.

Broder 1997 for MinHash; the banding is Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4. Shingles
are hashes of word n-grams; the permutations are multiply-shift hashes (Dietzfelbinger et al. 1997).
"""

import numpy as np
import xxhash
from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_ROLL = np.uint64(0x9E3779B97F4A7C15)
_CHUNK = 4096


class MinHasher:
    """Signatures of `bands × rows` hashes over word n-grams; the same seed gives the same hashes everywhere."""

    def __init__(self, *, bands: int, rows: int, ngram: int, seed: int) -> None:
        self.bands, self.rows, self.ngram = bands, rows, ngram
        # Philox is specified bit by bit, so the multipliers do not depend on numpy's version.
        words = np.random.Philox(key=seed).random_raw(2 * bands * rows).astype(np.uint64)
        self._multiply = (words[: bands * rows] | np.uint64(1))[:, None]
        self._add = words[bands * rows :][:, None]

    def signature(self, normalised: str) -> NDArray[np.uint32]:
        """The signature of a normalised text, [bands × rows] uint32; a text of fewer words than n is one shingle."""
        shingles = self._shingles(normalised.split())
        lowest = np.full(len(self._multiply), np.iinfo(np.uint32).max, dtype=np.uint32)
        for start in range(0, len(shingles), _CHUNK):
            hashes = (self._multiply * shingles[start : start + _CHUNK] + self._add) >> np.uint64(32)
            np.minimum(lowest, hashes.min(axis=1).astype(np.uint32), out=lowest)
        return lowest

    def band_keys(self, signature: NDArray[np.uint32]) -> list[int]:
        """One 64-bit key per band: xxh3_64 of the band's rows as little-endian bytes."""
        data = signature.astype("<u4").tobytes()
        width = 4 * self.rows
        return [xxhash.xxh3_64_intdigest(data[band * width : (band + 1) * width]) for band in range(self.bands)]

    def _shingles(self, words: list[str]) -> NDArray[np.uint64]:
        hash_word = xxhash.xxh3_64_intdigest
        hashes = np.array([hash_word(word) for word in words], dtype=np.uint64)
        width = min(self.ngram, len(words))
        rolled = np.zeros(max(len(words) - width + 1, 0), dtype=np.uint64)
        for offset in range(width):
            rolled = rolled * _ROLL + hashes[offset : offset + len(rolled)]
        # A finaliser (xor-shift, multiply), since multiply-shift needs inputs whose low bits vary too.
        rolled ^= rolled >> np.uint64(29)
        return rolled * np.uint64(0xBF58476D1CE4E5B9 & _MASK)
