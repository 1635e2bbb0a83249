"""The address and the key of an endpoint, as somebody has typed them into the settings."""

import httpx

from ragstone.domain.errors import ConfigurationError


def endpoint_url(base_url: str, path: str, *, what: str, setting: str, example: str) -> httpx.URL:
    """Return the address of ``path`` below ``base_url``.

    Raises ``ConfigurationError`` for what is no HTTP address, which names ``what`` endpoint it is, and the ``setting``.
    """
    try:
        url = httpx.URL(f"{base_url.rstrip('/')}/{path}")
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(
            f"The base URL of the {what} endpoint is not an HTTP address.",
            remedy=f"Set {setting} to something like {example}.",
        )
    return url


def header_key(api_key: str | None, *, what: str, setting: str) -> str | None:
    """Return a key as it goes into a header; ``None`` for an empty one.

    Raises ``ConfigurationError``: a header with anything else in it fails inside the HTTP library, with an error that
    quotes the key.
    """
    key = (api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            f"The API key of the {what} endpoint has characters that no key has.",
            remedy=f"Check {setting} for line breaks and characters outside ASCII.",
        )
    return key or None
