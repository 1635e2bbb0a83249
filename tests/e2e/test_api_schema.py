"""What the OpenAPI description says is what the server does: requests made up from it by schemathesis."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from tests.e2e.conftest import LiveServer, MakeSettings, serving

from ragstone.api.application import create_app
from ragstone.settings import Settings

DEFAULTS = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

TREES = ("And", "Or", "Not")
SCHEMAS = "#/components/schemas"


def with_low_trees(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description with filters that are trees within trees, but no deeper.

    Bodies are made up by making each part of a body right and wrong in each way, within each other: the same leaves
    below and, or and not, five deep, are 43,000 of 46,000 requests. Here each leaf stands alone and below each tree,
    and each tree below each tree.
    """
    schemas = description["components"]["schemas"]
    for tree in TREES:
        outer = json.dumps(schemas[f"Filter{tree}"])
        low = json.loads(outer)
        leaf = {"$ref": f"{SCHEMAS}/FilterExists"}
        low["properties"]["of"] = leaf if tree == "Not" else {**low["properties"]["of"], "items": leaf}
        schemas[f"LowFilter{tree}"] = low
        for inner in TREES:
            outer = outer.replace(f'"{SCHEMAS}/Filter{inner}"', f'"{SCHEMAS}/LowFilter{inner}"')
        schemas[f"Filter{tree}"] = json.loads(outer)
    return description


# The description does not depend on where the server runs, and making it opens nothing.
schema = schemathesis.openapi.from_dict(with_low_trees(create_app(Settings.model_construct(**DEFAULTS)).openapi()))


@pytest.fixture(scope="module")
def described(request: pytest.FixtureRequest, make_settings: MakeSettings) -> Iterator[LiveServer]:
    """A server of its own that takes so many MB, without a worker, with one document that is searchable by words."""
    with serving(make_settings(max_upload_mb=request.param), with_worker=False) as server:
        body = {"uri": "slate", "chunks": [{"text": "Slate is split by hand."}]}
        httpx.post(f"{server.url}/v1/documents/chunks", json=body, verify=False).raise_for_status()
        yield server


# A parameter gives the test of each operation an id of its own, by which processes that share the tests know it.
@pytest.mark.parametrize("described", [1], ids=["1MB"], indirect=True)
@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
def test_the_server_does_what_its_description_says(case: schemathesis.Case[Any], described: LiveServer) -> None:
    # In a form every value is text, so that one of a wrong type cannot be told from a right one.
    form = case.media_type == "multipart/form-data"
    checks = [check for check in CHECKS if not (form and check is negative_data_rejection)]
    case.call_and_validate(base_url=described.url, checks=checks, timeout=30)
