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
        chosen = windows[likely]
        at = np.searchsorted(self.known, chosen)
        at[at == len(self.known)] = 0
        if len(self.known):
            likely = likely[self.known[at] == chosen]
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


def doubles_in(content: bytes, values: np.ndarray) -> bool:
    """Whether one of these numbers stands in bytes as eight bytes, in either order.

    Parameters
    ----------
    content : bytes
    values : array of float
        In ascending order of their bits.

    Examples
    --------
    >>> weights = np.array([1.2345678])
    >>> doubles_in(b"abc" + weights.tobytes() + b"d", weights)
    True
    >>> doubles_in(b"nothing of the kind", weights)
    False
    """
    bits = np.unique(np.asarray(values, "<f8").view("<u8"))
    if not len(bits) or len(content) < WIDTH:
        return False
    begins = np.zeros(1 << 16, bool)
    begins[(bits >> np.uint64(48)).astype(int)] = True
    letters = np.frombuffer(content, np.uint8)
    pairs = letters[:-1].astype(np.uint16)
    low_first = pairs[6:] | (letters[7:].astype(np.uint16) << 8)
    high_first = (pairs[:-6] << 8) | letters[1:-6]
    for head, order in ((low_first, "<u8"), (high_first, ">u8")):
        places = np.flatnonzero(begins[head])
        count = len(content) - WIDTH + 1
        windows = np.ndarray((count,), order, content, strides=(1,))[places]
        if np.isin(windows.astype(np.uint64), bits).any():
            return True
    return False
