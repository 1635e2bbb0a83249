"""What HTML's elements are to a reader of pages: which end others, and which mean nothing in Markdown."""

WITHOUT_MEANING = frozenset(
    {"div", "span", "section", "article", "main", "center", "font", "small", "big", "label", "u", "tt", "nobr"}
    | {"header", "footer", "aside", "address", "form", "fieldset", "hgroup", "figure", "ins", "bdo", "bdi"}
)
FORMATS = frozenset(
    {"b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u", "span"}
    | {"mark", "label", "abbr", "acronym", "cite", "dfn", "kbd", "q", "samp", "sub", "sup", "var", "del", "ins", "a"}
)
ONCE = FORMATS - {"span", "label", "q", "abbr", "acronym", "sub", "sup", "a"}
"""Formats that mean nothing within themselves."""
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
SECTIONS = frozenset({"thead", "tbody", "tfoot"})
CELLS = frozenset({"td", "th"})
ONE_LINE = CELLS | HEADINGS
ROWS = SECTIONS | {"table", "tr"}
"""What holds rows or cells, and nothing else."""
GRID = SECTIONS | CELLS | {"tr", "caption"}
BLOCKS = (
    HEADINGS
    | {"address", "article", "aside", "blockquote", "center", "details", "dialog", "dir", "div", "dl", "fieldset"}
    | {"figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "li", "dd", "dt", "main", "menu", "nav"}
    | {"ol", "p", "pre", "section", "summary", "table", "ul", "legend", "search"}
)
BOUNDS = CELLS | {"table", "caption", "button", "object", "marquee", "applet"}
"""What an end that was left out is not looked for beyond."""
LISTS = frozenset({"ul", "ol", "menu", "dir", "dl"})
VOID = frozenset({"br", "hr", "img", "input"})
NO_TEXT = frozenset(
    {"html", "head", "body", "meta", "link", "base", "frameset", "frame", "noframes", "noembed", "area", "col"}
    | {"colgroup", "embed", "param", "source", "track", "wbr", "basefont", "bgsound", "keygen", "command", "image"}
)
UNSEEN = frozenset({"script", "style", "template", "noscript", "title"})
ENDS_BEFORE = {
    "li": (frozenset({"li"}), LISTS | BOUNDS),
    **dict.fromkeys(("dt", "dd"), (frozenset({"dt", "dd"}), LISTS | BOUNDS)),
    "option": (frozenset({"option"}), frozenset({"select", "datalist"})),
    "optgroup": (frozenset({"option", "optgroup"}), frozenset({"select"})),
    **dict.fromkeys(("td", "th"), (CELLS | {"caption"}, frozenset({"table"}))),
    "tr": (CELLS | {"tr", "caption"}, frozenset({"table"})),
    **dict.fromkeys(SECTIONS, (SECTIONS | CELLS | {"tr", "caption"}, frozenset({"table"}))),
    **dict.fromkeys(("rt", "rp"), (frozenset({"rt", "rp"}), frozenset({"ruby"}) | BOUNDS)),
    "a": (frozenset({"a"}), BLOCKS | BOUNDS),
    **dict.fromkeys(HEADINGS, (HEADINGS, (BLOCKS - HEADINGS) | BOUNDS)),
}
"""Which elements end, at the latest, where one of a name begins, and what they are not looked for beyond."""
