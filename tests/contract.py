"""What a refusal is held to: the class of ours, the built-in that also catches it, what to do, and one screen of text.

A module of tests writes its cases as ``name -> (call, class, built-in, word ...)`` and
holds each to `refused`.
"""

from __future__ import annotations

import pytest

import trustlib as tl

LINES = 25  # one screen

# What is raised, and what catches it for people who do not know our classes.
UNKNOWN = (tl.UnknownNameError, KeyError)
DESIGN_ERROR = (tl.DesignError, ValueError)
ESTIMAND = (tl.EstimandError, ValueError)
CODEBOOK_ERROR = (tl.CodebookError, ValueError)


def refused(call, kind, builtin, *words):
    """Hold a call to the contract of errors, and return the message."""
    with pytest.raises(tl.TrustlibError) as caught:
        call()
    error = caught.value
    assert isinstance(error, kind), f"{type(error).__name__}: {error}"
    assert isinstance(error, builtin)
    text = str(error)
    assert error.message
    assert error.hint, "no hint"
    assert len(text.splitlines()) <= LINES
    assert "\x1b" not in text
    assert "Traceback" not in text
    for word in words:
        assert word in text, text
    return text


def ids(cases):
    """Cases of `pytest.mark.parametrize`, each called by its name."""
    return [pytest.param(*case, id=name) for name, case in cases.items()]
