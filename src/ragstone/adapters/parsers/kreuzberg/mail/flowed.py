"""Text as RFC 3676 has it (``format=flowed``): lines that were broken where they are but too long, put together."""

_SIGNATURE = "-- "


def unflowed(text: str, *, delete_space: bool) -> str:
    """Join the lines that end in a space with the next, as far as both are quoted as deep.

    ``delete_space`` is the parameter ``DelSp``: whether that space is no part of the text.
    """
    lines: list[list[str]] = []
    soft, depth = False, 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        quotes = len(line) - len(content)
        content = content.removeprefix(" ")  # put there so that no line begins with a mark that means something
        if not soft or quotes != depth or content == _SIGNATURE:
            lines.append([f"{'>' * quotes} " if quotes and content else ">" * quotes])
        soft, depth = content.endswith(" ") and content != _SIGNATURE, quotes
        lines[-1].append(content[:-1] if soft and delete_space else content)
    return "\n".join(map("".join, lines))
