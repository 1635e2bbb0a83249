"""What the OpenAPI description says is what the server does: requests made up from it by schemathesis."""

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

# The description does not depend on where the server runs, and making it opens nothing.
schema = schemathesis.openapi.from_dict(create_app(Settings.model_construct(**DEFAULTS)).openapi())


@pytest.fixture(scope="module")
def described(make_settings: MakeSettings) -> Iterator[LiveServer]:
    """A server of its own, without a worker, with one document that is searchable by words."""
    with serving(make_settings(max_upload_mb=1), with_worker=False) as server:
        body = {"uri": "slate", "chunks": [{"text": "Slate is split by hand."}]}
        httpx.post(f"{server.url}/v1/documents/chunks", json=body, verify=False).raise_for_status()
        yield server


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
def test_the_server_does_what_its_description_says(case: schemathesis.Case[Any], described: LiveServer) -> None:
    # In a form every value is text, so that one of a wrong type cannot be told from a right one.
    form = case.media_type == "multipart/form-data"
    checks = [check for check in CHECKS if not (form and check is negative_data_rejection)]
    case.call_and_validate(base_url=described.url, checks=checks, timeout=30)
