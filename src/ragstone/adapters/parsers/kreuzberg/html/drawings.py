"""The words of drawings within a page (SVG)."""

from ragstone.adapters.parsers.kreuzberg.html.tokens import HtmlTokens

_NO_LABEL = frozenset({"style", "script", "defs", "symbol", "metadata", "desc"})


def drawing_text(content: str) -> str:
    """Return a drawing's title and labels, as HTML."""
    words: list[str] = []
    tokens = HtmlTokens(content)
    for token in tokens:
        if not token.name:
            words += token.source.split()
        elif not token.ends and not token.empty and token.name in _NO_LABEL:
            tokens.inner(token.name)
    return " ".join(words)
