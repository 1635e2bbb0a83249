"""``Fetcher`` by HTTP(S) on httpx, kept away from addresses that are not public."""

from ragstone.adapters.fetchers.http.addresses import Address, is_public, public_or_in, resolve
from ragstone.adapters.fetchers.http.fetcher import HttpFetcher

__all__ = ["Address", "HttpFetcher", "is_public", "public_or_in", "resolve"]
