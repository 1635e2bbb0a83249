"""Word's formulas (OMML) as one line of text, as one would type them: ``(a+b)/2``, ``x_i^2``, ``√(y)``."""

from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_DEEPEST = 60
"""Elements within one another from which on a formula is the mere words in it."""
_INVISIBLE = dict.fromkeys((0x2061, 0x2062, 0x2063, 0x2064))
_SUM, _OPEN, _CLOSE, _BETWEEN = "∫", "(", ")", "|"


def formula_line(formula: Element) -> str:
    """Return the text of an ``m:oMath``."""
    return " ".join(_linear(formula, 0).translate(_INVISIBLE).split())


def is_deep(formula: Element) -> bool:
    """Whether more elements lie within one another than in any formula that someone wrote."""
    level = [formula]
    for _ in range(_DEEPEST):
        level = [child for element in level for child in element]
    return bool(level)


def _linear(element: Element, depth: int) -> str:
    if element.tag == f"{M}t":
        return element.text or ""
    if depth >= _DEEPEST:
        return "".join(text.text or "" for text in element.iter(f"{M}t"))
    parts = [(child.tag, _linear(child, depth + 1)) for child in element]
    arrange = _ARRANGED.get(element.tag)
    if arrange is None:
        return "".join(text for _, text in parts)
    return arrange(element, _Parts(parts))


class _Parts:
    """The texts of what is in an element, by their kind: ``num``, ``den``, ``e`` and so on."""

    def __init__(self, parts: Sequence[tuple[str, str]]) -> None:
        self._parts = parts

    def all(self, kind: str) -> list[str]:
        return [text.strip() for tag, text in self._parts if tag == f"{M}{kind}"]

    def one(self, kind: str) -> str:
        return " ".join(self.all(kind))

    def marks(self) -> str:
        """Return what stands below and above."""
        below, above = self.one("sub") or self.one("lim"), self.one("sup")
        return (f"_{_group(below)}" if below else "") + (f"^{_group(above)}" if above else "")


def _fraction(_: Element, parts: _Parts) -> str:
    return f"{_group(parts.one('num'))}/{_group(parts.one('den'))}"


def _with_marks(_: Element, parts: _Parts) -> str:
    return _group(parts.one("e")) + parts.marks()


def _limit_above(_: Element, parts: _Parts) -> str:
    return f"{_group(parts.one('e'))}^{_group(parts.one('lim'))}"


def _root(_: Element, parts: _Parts) -> str:
    degree = parts.one("deg")
    return f"({parts.one('e')})^(1/{degree})" if degree else f"√({parts.one('e')})"


def _sum(element: Element, parts: _Parts) -> str:
    return f"{_property(element, 'naryPr', 'chr', _SUM)}{parts.marks()} {parts.one('e')}"


def _function(_: Element, parts: _Parts) -> str:
    name, argument = parts.one("fName"), parts.one("e")
    return f"{name}{'' if argument.startswith('(') else ' '}{argument}"


def _brackets(element: Element, parts: _Parts) -> str:
    begin, end = _property(element, "dPr", "begChr", _OPEN), _property(element, "dPr", "endChr", _CLOSE)
    return begin + _property(element, "dPr", "sepChr", _BETWEEN).join(parts.all("e")) + end


def _matrix(_: Element, parts: _Parts) -> str:
    return f"[{'; '.join(parts.all('mr'))}]"


def _row(_: Element, parts: _Parts) -> str:
    return ", ".join(parts.all("e"))


def _lines(_: Element, parts: _Parts) -> str:
    return "; ".join(parts.all("e"))


def _accent(element: Element, parts: _Parts) -> str:
    return parts.one("e") + _property(element, "accPr", "chr", "\u0302")


_ARRANGED: dict[str, Callable[[Element, _Parts], str]] = {
    **dict.fromkeys((f"{M}sSup", f"{M}sSub", f"{M}sSubSup", f"{M}limLow"), _with_marks),
    f"{M}f": _fraction,
    f"{M}limUpp": _limit_above,
    f"{M}rad": _root,
    f"{M}nary": _sum,
    f"{M}func": _function,
    f"{M}d": _brackets,
    f"{M}m": _matrix,
    f"{M}mr": _row,
    f"{M}eqArr": _lines,
    f"{M}acc": _accent,
}


def _property(element: Element, kind: str, name: str, default: str) -> str:
    found = element.find(f"{M}{kind}/{M}{name}")
    return found.get(f"{M}val", "") if found is not None else default


def _group(text: str) -> str:
    """Put what is more than one number or name in brackets."""
    single = (
        len(text) < 2 or text.replace(".", "").isalnum() or (text.startswith("(") and text.find(")") == len(text) - 1)
    )
    return text if single else f"({text})"
