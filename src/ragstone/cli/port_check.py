"""Whether the port to serve on is free, or served by Ragstone already."""

import asyncio

import httpx

from ragstone.cli.replies import Check
from ragstone.settings import Settings

_SECONDS = 2.0
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (only compared)


async def port(settings: Settings) -> Check:
    """Say who listens where ``ragstone serve`` would."""
    host = _ANYWHERE.get(settings.host, settings.host)
    where = f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"
    if not settings.port:
        return Check(name="port", status="ok", detail="any free one")
    if not await _is_taken(host, settings.port):
        return Check(name="port", status="ok", detail=f"{where} is free")
    if await _is_ragstone(f"http://{where}/healthz"):
        return Check(name="port", status="ok", detail=f"Ragstone serves at http://{where}")
    return Check(
        name="port",
        status="warning",
        detail=f"{where} is taken by another program",
        remedy="Choose another with --port or RAGSTONE_PORT.",
    )


async def _is_taken(host: str, number: int) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, number)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _is_ragstone(url: str) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_SECONDS) as http:
            reply = await http.get(url)
            return reply.is_success and reply.json() == {"status": "alive"}
    except (httpx.HTTPError, ValueError):
        return False
