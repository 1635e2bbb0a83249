"""The OpenAPI description: FastAPI's, with the bodies that Ragstone reads by itself and its problem details."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ragstone.api.requests import DocumentChunks, DocumentForm, DocumentText
from ragstone.api.schemas import Problem

_REFERENCE = "#/components/schemas/{model}"
_OWN: list[tuple[type[BaseModel], JsonSchemaMode]] = [
    (DocumentChunks, "validation"),
    (DocumentForm, "validation"),
    (DocumentText, "validation"),
    (Problem, "serialization"),
]


def reference(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema that points at ``model`` among the components."""
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a route whose body is ``model`` as JSON."""
    return _body({"application/json": {"schema": reference(model)}})


def form_or_json(form: type[BaseModel], model: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a route that takes a form with a file, or JSON."""
    return _body(
        {
            "multipart/form-data": {
                "schema": reference(form),
                "encoding": {"metadata": {"contentType": "text/plain"}, "readers": {"contentType": "text/plain"}},
            },
            "application/json": {"schema": reference(model)},
        }
    )


def describe(app: FastAPI, *, keyless: bool) -> dict[str, Any]:
    """Return the OpenAPI description of ``app``; with ``keyless``, keys are optional."""
    described = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    _, components = models_json_schema(_OWN, ref_template=_REFERENCE)
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components["$defs"])
    _describe_form(schemas[DocumentForm.__name__])
    for operation in (each for path in described["paths"].values() for each in path.values()):
        if keyless and "security" in operation:
            operation["security"].insert(0, {})
    return described


def _body(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": dict(content)}}


def _describe_form(schema: dict[str, Any]) -> None:
    """Describe the form as it travels: the file's bytes, and its metadata as JSON in a text field."""
    schema["properties"]["file"] = {"type": "string", "format": "binary", "description": "The file."}
    schema["properties"]["metadata"] = {
        "type": "string",
        "contentMediaType": "application/json",
        "description": "JSON object to filter by.",
    }
    schema["required"] = ["file"]
