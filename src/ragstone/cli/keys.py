"""``ragstone keys``: the API keys of the record on this machine."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson
from ragstone.cli.running import run
from ragstone.domain.access import DEFAULT_TENANT, Permission

if TYPE_CHECKING:
    from ragstone.ports.keys import Keys

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys. They are kept in the record here.")


@app.command()
def create(
    *,
    name: Annotated[str, typer.Option("--name", help="Whom or what the key is for.")] = "key",
    permission: Annotated[
        list[Permission] | None,
        typer.Option("--permission", help="What the key may do; read if not given, admin is all. Repeatable."),
    ] = None,
    reader: Annotated[
        list[str] | None,
        typer.Option("--reader", help="A reader name that the key holds, beside everyone. Repeatable."),
    ] = None,
    tenant: Annotated[str, typer.Option("--tenant", help="Whose documents the key is for.")] = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once: only a digest of it is stored."""
    from ragstone.api.schemas import ApiKey
    from ragstone.cli.replies import NewApiKey

    permissions = list(dict.fromkeys(permission or [Permission.READ]))
    made, secret = _on_keys(
        lambda keys: keys.create(name=name, tenant=tenant, permissions=permissions, readers=reader or [])
    )
    if as_json:
        output.print_json(NewApiKey(**ApiKey.from_domain(made).model_dump(), key=secret))
    else:
        output.say(secret)
        output.note(f"This is the key {name!r}, which may {', '.join(permissions)}. It is not shown again.")


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List keys, the oldest first, without their secrets."""
    from ragstone.api.schemas import ApiKey, Page

    found = _on_keys(lambda keys: keys.list())
    if as_json:
        output.print_json(Page[ApiKey](items=[ApiKey.from_domain(each) for each in found], next_cursor=None))
        return
    for each in found:
        state = f"revoked {each.revoked_at:%Y-%m-%d %H:%M}" if each.revoked_at else "valid"
        output.say(f"{each.id}  {each.name}  {state}")
        output.say(
            f"    may {', '.join(each.permissions)}  reads as {', '.join(each.readers)}"
            f"  tenant {each.tenant}  made {each.created_at:%Y-%m-%d %H:%M}",
            style="dim",
        )


@app.command()
def revoke(
    key_id: Annotated[UUID, typer.Argument(metavar="ID", help="The key's id.")], as_json: AsJson = False
) -> None:
    """End a key; requests that carry it are refused from then on. With --json nothing is printed."""
    _on_keys(lambda keys: keys.revoke(key_id))
    if not as_json:
        output.say(f"revoked {key_id}")


def _on_keys(act: "Callable[[Keys], Awaitable[T]]") -> T:
    """Return what ``act`` returns on the keys of the record on this machine."""

    async def act_once() -> T:
        from ragstone.cli.local import quiet_settings
        from ragstone.container import open_container

        async with open_container(quiet_settings()) as container, container.record.transaction() as transaction:
            return await act(transaction.keys)

    return run(act_once())
