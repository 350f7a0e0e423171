"""YAML as the project's files are written: the rules of YAML 1.2, stricter where a reader could be misled.

Yes, No, On and Off, dates, ``1:30``, ``1_000``, ``012``, ``0x1F``, ``0o17`` and
``.inf`` are texts; a key that is a number in another spelling than Python's stays as it
was written (``001``, ``1.50``). Merge keys (``<<``) are read. Keys that are written
twice, aliases that stand for very much or for themselves, and endless nesting are
refused.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, ClassVar

import yaml

MAX_NODES = 10_000  # in a file with aliases, after each is written out
MAX_DEPTH = 60
_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
# Kind of value -> what is one, and how it may begin.
_CORE = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (
        r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?",
        list("-+.0123456789"),
    ),
}
_BUILT_AS_USUAL = ("str", "null", "seq", "map")
# The loader in C is ten times as fast.
_Fastest: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fastest):
    """Nodes as Python values."""

    yaml_implicit_resolvers: ClassVar[dict] = {}
    yaml_constructors: ClassVar[dict] = {
        tag: build
        for tag, build in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in _BUILT_AS_USUAL
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        """Refuse a key that is written twice: plain YAML would silently keep the last."""
        if not isinstance(node, yaml.MappingNode):
            _refuse("expected a mapping", node)
        merged: dict = {}
        own: dict = {}
        names: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.value == "<<" and not key_node.style:
                merged |= self._merged(value_node)
                continue
            key = self._key(key_node)
            if str(key) in names:
                _refuse(f"{str(key)!r} is there twice", key_node)
            names.add(str(key))
            own[key] = self.construct_object(value_node, deep=deep)
        return {**merged, **own}

    def _merged(self, node: Any) -> dict:
        """What stands behind ``<<``: one mapping, or several of which the first counts most."""
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict = {}
        for part in reversed(parts):
            merged |= self.construct_mapping(part, deep=True)
        return merged

    def _key(self, node: Any) -> Any:
        """A key: as written, unless it is a number in Python's own spelling."""
        if not isinstance(node, yaml.ScalarNode):
            _refuse("a key is a list or a mapping, expected a text", node)
        if not node.tag.startswith("tag:yaml.org,2002:"):
            return self.construct_object(node)  # refused there
        value = self.construct_object(node)
        if type(value) in (int, float) and str(value) == node.value:
            return value
        return node.value


def _number(loader: Any, node: Any) -> int | float:
    """Digits as a person reads them, also after ``!!int``."""
    kind = node.tag.rpartition(":")[2]
    if not re.fullmatch(_CORE[kind][0], node.value):
        _refuse(f"{node.value[:40]!r} is not a number", node)
    return int(node.value) if kind == "int" else float(node.value)


def _truth(loader: Any, node: Any) -> bool:
    return node.value.lower() == "true"


def _refuse(text: str, node: Any) -> Any:
    raise yaml.constructor.ConstructorError(None, None, text, node.start_mark)


for _kind, (_pattern, _first) in _CORE.items():
    _whole = re.compile(rf"^(?:{_pattern})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", _whole, _first)
for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _number)
_Loader.add_constructor("tag:yaml.org,2002:bool", _truth)


def load(text: str) -> Any:
    """The content of a YAML document, its texts in the Unicode form NFC.

    Raises
    ------
    yaml.YAMLError
        The text is not YAML, or holds what is refused.

    Examples
    --------
    >>> load("{asked: Yes, wave: 2024, code: 012}")
    {'asked': 'Yes', 'wave': 2024, 'code': '012'}
    """
    text = unicodedata.normalize("NFC", text)
    _require_finite(text)
    return yaml.load(text, Loader=_Loader)


def _require_finite(text: str) -> None:
    """Refuse what could never end, before anything is built.

    Deep nesting, and aliases that stand for themselves or for very much.
    """
    count = _Count()
    for event in yaml.parse(text, Loader=_Loader):
        count.take(event)
        if len(count.open) > MAX_DEPTH:
            _refuse(f"more than {MAX_DEPTH} lists or mappings within each other", event)
        if count.aliases and count.nodes > MAX_NODES:
            _refuse(f"its aliases stand for more than {MAX_NODES:,} nodes", event)


class _Count:
    """How many nodes a text stands for, each alias written out."""

    def __init__(self) -> None:
        self.nodes = 0
        self.aliases = False
        self.sizes: dict[str | None, int] = {}  # nodes of what has an anchor
        self.open: list[tuple[str | None, int]] = []  # its anchor, nodes before it

    def take(self, event: Any) -> None:
        """Count what begins or ends with an event of the parser."""
        if isinstance(event, yaml.AliasEvent):
            self.aliases = True
            if event.anchor in [anchor for anchor, _ in self.open]:
                _refuse(f"*{event.anchor} stands for itself", event)
            self.nodes += self.sizes.get(event.anchor, 1)
            return
        if isinstance(event, _OPENS):
            self.open.append((event.anchor, self.nodes))
            self.nodes += 1
            return
        if isinstance(event, _CLOSES):
            anchor, before = self.open.pop()
            self._remember(anchor, self.nodes - before)
            return
        if isinstance(event, yaml.ScalarEvent):
            self.nodes += 1
            self._remember(event.anchor, 1)

    def _remember(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self.sizes[anchor] = size
