"""MathML as one line of text."""

import re
from html import escape, unescape
from xml.etree.ElementTree import Element, ParseError, fromstring

_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)#?\w{1,32};")
_PREFIX = re.compile(r"(</?)[A-Za-z]\w*:")
_DECLARED = re.compile(r"\sxmlns(?::\w+)?\s*=\s*(?:\"[^\"]*\"|'[^']*')|\s\w+:(?=\w+\s*=)")
_TAGS = re.compile(r"<(?:annotation(?:-xml)?\b.*?</annotation(?:-xml)?\s*>|[^<>]*>)", re.DOTALL | re.IGNORECASE)
_INVISIBLE = dict.fromkeys((0x2061, 0x2062, 0x2063, 0x2064))
_RELATIONS = frozenset("=<>≤≥≠≈≡≪≫∼≅∝∈∉⊂⊆→←↔⇒⇔↦:")
_ABOVE_OR_BELOW = {"msub": "_", "munder": "_", "msup": "^", "mover": "^", "msubsup": "_^", "munderover": "_^"}
_JOINED = {"msqrt": ("√(", "", ")"), "mfenced": ("(", ", ", ")"), "mtable": ("(", "; ", ")"), "mtr": ("", ", ", "")}
_DEEPEST = 60
"""Elements within one another from which on a formula is the mere words in it."""


def formula_text(mathml: str) -> str:
    """Return a formula as one would type it: ``a = (b+1)/2``, ``x_i^2``, ``√(y)``."""
    source = _ENTITY.sub(lambda found: _entity(found[0]), _PREFIX.sub(r"\1", _DECLARED.sub(" ", mathml)))
    try:
        root = fromstring(source)  # noqa: S314 - expat bounds entities, and nothing is fetched
        text = _linear(root, 0) or root.get("alttext", "")
    except ParseError:
        text = unescape(_TAGS.sub(" ", mathml))
    return " ".join(text.translate(_INVISIBLE).split())


def _entity(entity: str) -> str:
    meant = unescape(entity)
    return "".join(f"&#{ord(character)};" for character in meant) if meant != entity else escape(entity)


def _linear(element: Element, depth: int) -> str:
    name = element.tag.lower()
    if name.startswith("annotation"):
        return ""
    if not len(element) or depth >= _DEEPEST:
        return _word(name, "".join(element.itertext()).strip())
    return _arranged(name, [_linear(child, depth + 1) for child in element])


def _arranged(name: str, parts: list[str]) -> str:
    """Return what an element of a name makes of the texts of those in it."""
    if name == "semantics":
        return parts[0]
    if name == "mfrac":
        return "/".join(map(_one, parts))
    if name == "mroot":
        return "^".join([_one(parts[0]), *(f"(1/{part})" for part in parts[1:])])
    if name in _ABOVE_OR_BELOW:
        marks = zip(_ABOVE_OR_BELOW[name], parts[1:], strict=False)
        return _one(parts[0]) + "".join(mark + _one(part) for mark, part in marks)
    opening, between, closing = _JOINED.get(name, ("", "", ""))
    return opening + between.join(parts) + closing


def _word(name: str, text: str) -> str:
    if name == "mo" and text in _RELATIONS:
        return f" {text} "
    return f" {text} " if name == "mtext" else text


def _one(text: str) -> str:
    """Put what is more than one number or name in brackets."""
    text = text.strip()
    return text if len(text) < 2 or text.replace(".", "").isalnum() else f"({text})"
