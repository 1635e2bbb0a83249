"""Links that lead to the heading they stand in: the marks that page generators put there, and titles made links."""

import re
from html import unescape

_MARK = re.compile(
    r"[\s¶§#⌗∞🔗⚓⛓\u00ad\u200b-\u200d\u2060\ufe0f\ufeff\ue000-\uf8ff]*"
    r"|\s*(?:perma(?:nent\s)?link(?:\sto\sthis\s\w+)?|(?:direct\s)?link\sto\sthis\s\w+)\s*",
    re.IGNORECASE,
)
_FRAGMENT = re.compile(r"\shref=\"[^\"#]*#")
_WITHIN_PAGE = re.compile(r"\shref=\"#")
_OF_ANCHORS = re.compile(
    r"\sclass=\"(?:[^\"]*[\s_-])?(?:headerlink|permalink|anchor(?:js)?-?link|header-?anchor|heading-?link|hash-?link"
    r"|heading-?anchor|doc-?anchor|anchor|id-?link|section-?link)(?![\w-])",
    re.IGNORECASE,
)
_LONGEST_MARK = 60


def is_mark(link: str, parts: list[str], *, in_heading: bool) -> bool:
    """Whether a link is a mark beside a heading or a definition, by its start tag and the parts within it."""
    of_anchors = _OF_ANCHORS.search(link) is not None
    if not of_anchors and not (in_heading and _FRAGMENT.search(link)):
        return False
    text = ""
    for part in parts:
        text += "" if part[:1] == "<" else part
        if len(text) > _LONGEST_MARK or part[:4] == "<img":
            return False
    return _MARK.fullmatch(unescape(text)) is not None


def is_of_its_heading(link: str) -> bool:
    """Whether a link within a heading leads to a place of the same page, which is mostly that heading."""
    return _WITHIN_PAGE.search(link) is not None
