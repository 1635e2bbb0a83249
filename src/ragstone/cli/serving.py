"""``ragstone up``, ``serve`` and ``worker``: the processes that stay."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.running import Stopped, run

if TYPE_CHECKING:
    from ragstone.settings import Settings

Host = Annotated[
    str | None, typer.Option("--host", help="Address to serve on; RAGSTONE_HOST or 127.0.0.1 if not given.")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Port to serve on; RAGSTONE_PORT or 8000 if not given, 0 any free one."
    ),
]


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Index the pages of the project's docs folder, and say what to try.")
    ] = False,
    host: Host = None,
    port: Port = None,
) -> None:
    """Run everything on this machine in one process: database, API, worker and web page."""
    from ragstone.cli.demo import show_demo

    settings = _settings("warning", host=host, port=port)

    async def serve_all() -> None:
        from ragstone.api.server import serve as serve_http

        showing: list[asyncio.Task[None]] = []

        def ready(url: str) -> None:
            output.say(f"Ragstone is ready at {url}")
            if demo:
                showing.append(asyncio.create_task(show_demo(settings, url)))
            else:
                output.say("Ctrl-C stops it.")

        try:
            await serve_http(settings, with_worker=True, ready=ready)
        finally:
            for task in showing:
                task.cancel()
            await asyncio.gather(*showing, return_exceptions=True)

    from ragstone.api.server import event_loop

    run(serve_all(), on=event_loop)


def serve(host: Host = None, port: Port = None) -> None:
    """Serve the API and the web page. Documents are worked on by `ragstone worker`."""
    from ragstone.api.server import event_loop
    from ragstone.api.server import serve as serve_http

    settings = _settings(host=host, port=port)
    serving = serve_http(settings, with_worker=False, ready=lambda url: output.say(f"Ragstone is ready at {url}"))
    run(serving, on=event_loop)


def worker() -> None:
    """Parse and embed what was accepted, until stopped. Any number may share the work."""
    settings = _settings()

    async def work_on() -> None:
        from ragstone.container import open_container
        from ragstone.worker.run import work

        async with open_container(settings) as container:
            output.say("Ragstone works. Ctrl-C stops it; what it works on then goes on with the next worker.")
            await work(container)

    try:
        run(work_on())
    except Stopped:
        output.note("Stopped.")


def _settings(log_level: str = "info", **options: object) -> "Settings":
    """Return the settings with these options, logging at ``log_level`` unless they say otherwise."""
    from ragstone.settings import load_settings
    from ragstone.telemetry import configure_logging

    settings = load_settings(**options)
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": log_level})
    configure_logging(settings)
    return settings
