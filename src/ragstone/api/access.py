"""Who asks, and whether it may: the principal of a request."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from ragstone.api.dependencies import OpenRecord, OpenSettings
from ragstone.api.guard import is_loopback
from ragstone.domain.access import LOCAL, Permission, Principal
from ragstone.domain.errors import Forbidden, Unauthenticated

_BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key: `rs_...`.")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header", description="An API key: `rs_...`.")
_REMEDY = "Send a key as `Authorization: Bearer rs_...`; `ragstone keys create` makes one."


async def secret_of(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> str | None:
    """Return the key that the request carries. Raise ``Unauthenticated`` for credentials of another kind."""
    if bearer:
        return bearer.credentials
    if "authorization" in request.headers:
        raise Unauthenticated("The header Authorization holds no bearer key.", remedy=_REMEDY)
    return header


Key = Annotated[str | None, Depends(secret_of)]


async def principal_of(secret: Key, record: OpenRecord, settings: OpenSettings) -> Principal:
    """Return whom the request is for: the key's principal, or on a loopback address the person at this machine.

    A key is looked up on each request, so that one that is revoked ends at once. Raises ``Unauthenticated``.
    """
    if secret is not None:
        async with record.reading() as transaction:
            return await transaction.keys.principal(secret)
    if is_loopback(settings.host):
        return LOCAL
    raise Unauthenticated("This address needs an API key.", remedy=_REMEDY)


AnyPrincipal = Annotated[Principal, Depends(principal_of)]


async def reader_of(principal: AnyPrincipal) -> Principal:
    """Return the principal if it may read. Raise ``Forbidden``."""
    return _holding(principal, Permission.READ)


async def writer_of(principal: AnyPrincipal) -> Principal:
    """Return the principal if it may change documents, jobs and collections. Raise ``Forbidden``."""
    return _holding(principal, Permission.WRITE)


def _holding(principal: Principal, permission: Permission) -> Principal:
    if not principal.may(permission):
        raise Forbidden(
            f"This key may not {permission}.", remedy=f"Use one made with the permission {str(permission)!r}."
        )
    return principal


Reader = Annotated[Principal, Depends(reader_of)]
Writer = Annotated[Principal, Depends(writer_of)]
