"""Where any of very many short texts stands in a long one, by windows of eight bytes.

Each text is looked up by the one of its windows that fewest others have. What is found
is compared in full.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

WIDTH = 8  # bytes of a window
_BLOCK = 1 << 22
_BITS = 22
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - _BITS)


class Windows:
    """Texts of at least eight bytes that are looked for all at once.

    Parameters
    ----------
    needles : sequence of bytes

    Examples
    --------
    >>> list(Windows([b"number 9", b"number 10"]).found_in(b"the number 10 it is"))
    [(1, 4)]
    """

    def __init__(self, needles: Sequence[bytes]) -> None:
        self.needles = needles
        self.places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        if needles:
            self._choose()
        self.known = np.array(sorted(self.places), np.uint64)
        self.may_be = np.zeros(1 << _BITS, bool)
        self.may_be[_hashed(self.known)] = True

    def _choose(self) -> None:
        """The window of each needle that the fewest needles have."""
        lengths = np.array([len(needle) for needle in self.needles])
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        windows = _windows(b"".join(self.needles) + bytes(WIDTH))
        windows = windows[: int(lengths.sum())]
        _, same, counts = np.unique(windows, return_inverse=True, return_counts=True)
        shared = counts[same]
        room = np.repeat(starts + lengths, lengths) - np.arange(len(windows))
        shared[room < WIDTH] = len(windows) + 1
        fewest = np.minimum.reduceat(shared, starts)
        best = np.flatnonzero(shared == np.repeat(fewest, lengths))
        needle = np.searchsorted(starts, best, side="right") - 1
        first = np.unique(needle, return_index=True)[1]
        for number, place in zip(needle[first], best[first], strict=True):
            window = int(windows[place])
            self.places[window].append((int(number), int(place - starts[number])))

    def found_in(self, stream: bytes) -> Iterator[tuple[int, int]]:
        """Number and place of each needle that stands in a text."""
        for start in range(0, max(len(stream) - WIDTH + 1, 0), _BLOCK):
            block = stream[start : start + _BLOCK + WIDTH - 1]
            for place, window in self._candidates(block):
                yield from self._verified(stream, start + place, window)

    def _candidates(self, block: bytes) -> Iterator[tuple[int, int]]:
        windows = _windows(block)
        likely = np.flatnonzero(self.may_be[_hashed(windows)])
        if len(self.known):
            likely = likely[_are_known(windows[likely], self.known)]
        for place in likely:
            yield int(place), int(windows[place])

    def _verified(
        self, stream: bytes, place: int, window: int
    ) -> Iterator[tuple[int, int]]:
        for number, offset in self.places[window]:
            begin = place - offset
            needle = self.needles[number]
            if begin >= 0 and stream[begin : begin + len(needle)] == needle:
                yield number, begin


def _windows(content: bytes) -> np.ndarray:
    """The eight bytes at each place, as numbers."""
    count = max(len(content) - WIDTH + 1, 0)
    if not count:
        return np.zeros(0, np.uint64)
    shifted = np.ndarray((count,), "<u8", content, strides=(1,))
    return shifted.copy()


def _hashed(windows: np.ndarray) -> np.ndarray:
    return (windows * _FACTOR) >> _SHIFT


class Doubles:
    """Numbers that are looked for as the eight bytes that machines have for them.

    Parameters
    ----------
    values : array of float

    Examples
    --------
    >>> weights = np.array([1.2345678])
    >>> Doubles(weights).are_in(b"abc" + weights.tobytes() + b"d")
    True
    >>> Doubles(weights).are_in(b"nothing of the kind")
    False
    """

    def __init__(self, values: np.ndarray) -> None:
        self.bits = np.sort(np.asarray(values, "<f8").view("<u8"))
        self.begins = np.zeros(1 << 16, bool)
        self.begins[(self.bits >> np.uint64(48)).astype(int)] = True

    def are_in(self, content: bytes) -> bool:
        """Whether one of them stands in bytes, in either order of its bytes."""
        if not len(self.bits) or len(content) < WIDTH:
            return False
        letters = np.frombuffer(content, np.uint8).astype(np.uint16)
        low_first = letters[6:-1] | (letters[7:] << 8)
        high_first = (letters[:-7] << 8) | letters[1:-6]
        for head, order in ((low_first, "<u8"), (high_first, ">u8")):
            places = np.flatnonzero(self.begins[head])
            count = len(content) - WIDTH + 1
            windows = np.ndarray((count,), order, content, strides=(1,))[places]
            if _are_known(windows.astype(np.uint64), self.bits).any():
                return True
        return False


def _are_known(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which values are among others, which are sorted."""
    at = np.searchsorted(known, values)
    at[at == len(known)] = 0
    return known[at] == values
