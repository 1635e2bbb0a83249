"""Bodies that FastAPI does not read by itself: large ones, read only once the caller is known.

A document comes as a form with a file, or as JSON; ready-made chunks come as JSON.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from ragstone.api.admission import Admitted
from ragstone.api.requests import DocumentChunks, DocumentForm, DocumentText, Sent, file_name
from ragstone.domain.errors import UnsupportedMediaType
from ragstone.ingest.intake import Label
from ragstone.ingest.spool import PART_BYTES

M = TypeVar("M", bound=Sent)

_MOST_FIELDS = 110
_LONGEST_FIELD = 64 << 10


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in a form: what is said of it, and its bytes, on disk where they are many."""

    label: Label
    file: UploadFile

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the bytes in parts."""
        while part := await self.file.read(PART_BYTES):
            yield part


async def sent_document(request: Request, _: Admitted) -> AsyncIterator[Upload | DocumentText]:
    """Read a document from a form or from JSON. Raise ``UnsupportedMediaType`` for anything else."""
    if _media_type(request) == "multipart/form-data":
        async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD) as form:
            yield _to_upload(form)
    else:
        yield await _from_json(request, DocumentText)


async def sent_chunks(request: Request, _: Admitted) -> DocumentChunks:
    """Read a document of ready-made chunks."""
    return await _from_json(request, DocumentChunks)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _from_json(request: Request, model: type[M]) -> M:
    if _media_type(request) != "application/json":
        raise UnsupportedMediaType(
            "The body is of no type that is read here.",
            remedy="Say `Content-Type: application/json`, or send a file as multipart/form-data.",
        )
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise _invalid(error) from error


def _to_upload(form: FormData) -> Upload:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise _wrong("file", "the form needs a file in its field `file`")
    fields: dict[str, Any] = {name: value for name, value in form.items() if name != "file"}
    if "readers" in fields:
        fields["readers"] = form.getlist("readers")
    if "metadata" in fields:
        fields["metadata"] = _metadata(fields["metadata"])
    try:
        described = DocumentForm.model_validate(fields)
    except ValidationError as error:
        raise _invalid(error) from error
    return Upload(described.label(filename=file_name(file.filename), media_type=file.content_type), file)


def _metadata(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _wrong("metadata", "must be a JSON object") from error


def _invalid(error: ValidationError) -> RequestValidationError:
    found = error.errors(include_url=False, include_input=False)
    return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found])


def _wrong(field: str, message: str) -> RequestValidationError:
    found: Mapping[str, Any] = {"type": "value_error", "loc": ("body", field), "msg": message}
    return RequestValidationError([found])
