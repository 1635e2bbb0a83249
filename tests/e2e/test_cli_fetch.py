"""Web addresses, taken in by the client over the record, from a real server on this machine."""

import ipaddress
from collections.abc import Sequence

import pytest

from ragstone.adapters.fetchers.http import Address, HttpFetcher
from ragstone.api.requests import DocumentForm
from ragstone.cli.batch import Batch
from ragstone.cli.client import requested
from ragstone.cli.files import find
from ragstone.cli.local import LocalClient
from ragstone.container import Container
from ragstone.testing.fetchers import MAX_BYTES, PAGE, running_site

_HERE = ipaddress.ip_address("127.0.0.1")


@pytest.fixture
def client(container: Container) -> LocalClient:
    """Return the client over a record whose fetcher takes every name for this machine."""

    async def here(host: str, port: int) -> Sequence[Address]:
        return [_HERE]

    container.fetcher = HttpFetcher(max_bytes=MAX_BYTES, resolve_host=here, allowed=lambda address: address == _HERE)
    return LocalClient(container)


async def test_web_addresses_are_taken_in_or_fail_each_by_itself(client: LocalClient) -> None:
    with running_site() as port:
        site = f"http://docs.test:{port}"
        finding = find([f"{site}/hop/1", f"{site}/guide/page%20one.md", f"{site}/status/404", f"{site}/bomb"], [], [])
        batch = Batch(client, finding)
        await batch.send(lambda item: requested(DocumentForm, uri=item.uri))
    reading = await batch.look()
    assert (reading.accepted, reading.failed) == (2, 2)
    outcome = await batch.summary(1.0)
    assert {(each.uri, each.code) for each in outcome.failures} == {
        (f"{site}/status/404", "invalid_request"),
        (f"{site}/bomb", "too_large"),
    }
    page = await client.documents(collection=None, state=None, cursor=None, limit=10)
    assert sorted((each.uri, each.title, each.size) for each in page.items) == [
        (f"{site}/guide/page%20one.md", "page one.md", len(PAGE)),
        (f"{site}/hop/1", "page.md", len(PAGE)),
    ]
