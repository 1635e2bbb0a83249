"""Options that several commands share, declared once."""

from typing import Annotated

import typer

KEY_VARIABLE = "RAGSTONE_API_KEY"

AsJson = Annotated[bool, typer.Option("--json", help="Print what the HTTP reply's body would be, as JSON.")]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Use the server at this address instead of the record on this machine."),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        envvar=KEY_VARIABLE,
        show_envvar=True,
        help="API key that is sent to the server at --url; the record on this machine needs none.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="Most items of one page.")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", metavar="CURSOR", help="`next_cursor` of the page before; the first if none.")
]

IntoCollection = Annotated[str, typer.Option("--collection", help="Where the documents go; made if it is not there.")]
Readers = Annotated[
    list[str] | None,
    typer.Option("--reader", help="Who may find the documents; everyone if not given. Repeatable."),
]
MetadataPairs = Annotated[
    list[str] | None,
    typer.Option("--metadata", metavar="KEY=VALUE", help="Text to filter the documents by. Repeatable."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="No files or folders that match, as drafts. Repeatable."),
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Work and wait until all are ready, or leave that to a worker.")
]
