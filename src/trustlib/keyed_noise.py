r"""Noise that nobody can compute without a secret key, and that is the same every time.

A draw is a function of a key, of what it is for, and of a text that says of whom it is:
the same people with the same weights and answers get the same noise, so that asking
again teaches nothing, and one person more makes it another. The numbers come from
SHAKE-256 by sums of whole numbers, so that every machine draws the same.

Arrays in, arrays out; what is protected with it, and why that is enough, says
`trustlib.protection`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from trustlib.variance import Array

KEY_BYTES = 32
# A sum of twelve uniform numbers has variance 1 and is near enough to normal.
_UNIFORM = 12
_BYTES = 2 * _UNIFORM
_MIDDLE = _UNIFORM * (2**16 - 1) / 2
LARGEST = 2.8  # standard deviations: no draw of `bounded_normals` is beyond


def normals(key: bytes, purpose: str, text: str, size: int = 1) -> Array:
    """Standard normal numbers (Irwin-Hall sums of twelve) that belong to a text.

    Parameters
    ----------
    key : bytes
        The secret.
    purpose : str
        What they are for: numbers for different purposes are independent.
    text : str
        Of whom they are.
    size : int

    Returns
    -------
    array (size,)
        Mean 0, variance 1, at most 6 away from 0.

    Examples
    --------
    >>> one = normals(b"k" * 32, "people", "men", 2)
    >>> bool((one == normals(b"k" * 32, "people", "men", 2)).all())
    True
    >>> bool((one == normals(b"k" * 32, "people", "women", 2)).any())
    False
    """
    message = b"|".join((key, purpose.encode(), text.encode()))
    raw = hashlib.shake_256(message).digest(_BYTES * size)
    uniform = np.frombuffer(raw, "<u2").astype(np.int64)
    sums = uniform.reshape(size, _UNIFORM).sum(axis=1)
    return (sums - _MIDDLE) / 2**16


def bounded_normals(key: bytes, purpose: str, texts: Sequence[str]) -> Array:
    """One number for each text, as `normals`, none beyond `LARGEST`.

    Parameters
    ----------
    key : bytes
    purpose : str
    texts : sequence of str

    Returns
    -------
    array (len(texts),)
        Their variance is 0.99: who counts it as 1 errs to the safe side.

    Examples
    --------
    >>> bool(abs(bounded_normals(b"k" * 32, "n", ["men", "women"])).max() <= LARGEST)
    True
    """
    drawn = [normals(key, purpose, text)[0] for text in texts]
    return np.clip(drawn, -LARGEST, LARGEST)


def wishart(
    key: bytes,
    matrix: Array,
    base: str,
    answers: str,
    df: int,
) -> Array:
    r"""A covariance matrix as if it had been estimated with `df` degrees of freedom.

    .. math:: \tilde V = \frac{1}{\nu} L Z'Z L', \qquad V = LL'

    with L lower triangular and the rows of Z standard normal. The first half of the
    columns of Z belongs to the people and the second to their answers. L is lower
    triangular, so the block of the first half is the same for all outcomes of the same
    people, and nothing is gained by averaging it over outcomes.

    Parameters
    ----------
    key : bytes
    matrix : array (2C, 2C)
        Positive definite.
    base, answers : str
        Of whom the matrix is, and what they answered.
    df : int

    Returns
    -------
    array (2C, 2C)

    Notes
    -----
    R: ``rWishart(1, df, matrix) / df``. The factor is that of Bartlett only in form: all
    of Z is drawn, so that numbers do not depend on the order of the cells of another
    set.

    Examples
    --------
    >>> import numpy as np
    >>> drawn = wishart(b"k" * 32, np.eye(2), "30 men", "12 of them", 400)
    >>> drawn.shape, bool((drawn == drawn.T).all())
    ((2, 2), True)
    """
    half = len(matrix) // 2
    factor = np.linalg.cholesky(matrix)
    of_people = normals(key, "covariance of people", base, df * half)
    of_answers = normals(key, "covariance of answers", answers, df * half)
    z = np.hstack([of_people.reshape(df, half), of_answers.reshape(df, half)])
    drawn = z @ factor.T
    made = drawn.T @ drawn / df
    return (made + made.T) / 2
