"""Characters that Word takes from fonts of symbols, as the characters that they look like."""

_GREEK = dict(
    zip(
        "ABGDEZHQIKLMNXOPRSTUFCYWabgdezhqiklmnxoprVstufcyw",
        "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρςστυφχψω",
        strict=True,
    )
)
_SYMBOL = _GREEK | {
    **dict(zip("\xa3\xb1\xb3\xb4\xb8\xb9\xbb\xd7", "≤±≥×÷≠≈⋅", strict=True)),
    **dict(zip("\xa5\xab\xac\xad\xae\xaf\xb0\xb7", "∞↔←↑→↓°•", strict=True)),
    **dict(zip("\xb2\xb6\xc5\xc6\xce\xcf\xd0\xd1\xd5\xd6\xdb\xde\xe5\xf2", "″∂⊕∅∈∉∠∇∏√⇔⇒∑∫", strict=True)),
}
_WINGDINGS = {
    **dict(zip("\x6c\x6e\x6f\x71\x72\xa1\xa7\xa8", "●■□❑❒○▪◻", strict=True)),
    **dict(zip("\xd8\xdf\xe0\xe1\xe2\xe8\xf0\xfb\xfc\xfd\xfe", "➢←→↑↓➔⇨✗✓☒☑", strict=True)),
}
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}
_PRIVATE = range(0xF000, 0xF100)
"""Where Word puts the 256 characters of such a font."""


def symbol(font: str, code: str) -> str:
    """Return what ``w:sym`` shows, a space where that is not known; ``code`` is hexadecimal."""
    try:
        number = int(code, 16)
    except ValueError:
        return " "
    looks = _FONTS.get(font.lower())
    if looks is not None:
        return looks.get(chr(number & 0xFF), " ")
    return chr(number) if 0x20 <= number < 0xD800 and number not in _PRIVATE else " "
