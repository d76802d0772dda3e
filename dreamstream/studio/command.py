"""``dreamstream studio``: opens the folder, serves the page, and shows it in the browser."""

import argparse
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from dreamstream.errors import DreamstreamError, MissingLibraryError, UsageError

LOOPBACK = "127.0.0.1"
PORT = 8765
_MOST_PORTS = 20
"""Ports that are tried where none is asked for."""

_LARGEST_MESSAGE = 4 << 20
"""Bytes of a camera's picture."""

DESCRIPTION = "Dream in the browser: choose a look, render films, watch the webcam dream."


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read what follows ``dreamstream studio``.

    Raises:
        UsageError: Something is unknown or out of range.
        SystemExit: ``--help`` was asked for, and has been printed.
    """
    parser = _Parser(
        prog="dreamstream studio",
        description=DESCRIPTION,
        epilog="What is written lies in FOLDER/dreamstream-studio.  Ctrl-C ends the studio; what "
        "it was rendering can be resumed.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        default=".",
        type=Path,
        help="the films and photos (default: the working folder)",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help=f"port (default: {PORT}, or a free one after it)"
    )
    parser.add_argument(
        "--host",
        default=LOOPBACK,
        metavar="H",
        help=f"address to listen at; any but {LOOPBACK} lets others in, who need the printed "
        "address with its token",
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    options = parser.parse_args(list(arguments))
    if options.port is not None and not 1 <= options.port <= 65535:
        raise UsageError(f"--port: {options.port} must be at least 1 and at most 65535", "port")
    if not options.folder.is_dir():
        raise UsageError(f"there is no folder {options.folder}; give one that is there")
    return options


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, raised."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message} (see dreamstream studio --help)")


def run_studio(arguments: Sequence[str]) -> int:
    """Serve a studio until it is stopped.

    Raises:
        DreamstreamError: It can't be started; the message is a line.
    """
    options = parse_options(arguments)
    try:
        import uvicorn
        import websockets  # noqa: F401 - uvicorn finds it

        from dreamstream.studio.app import make_app
        from dreamstream.studio.guard import Guard
        from dreamstream.studio.hub import Studio
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("dreamstream"):
            raise
        raise MissingLibraryError(
            f"opening the studio failed ({error}); install what it needs with "
            "'pip install dreamstream[studio]'"
        ) from error
    from dreamstream.studio.folder import Folder

    folder = Folder(options.folder)
    folder.make()
    listener, port = _listen(options.host, options.port)
    token = None if _is_loopback(options.host) else secrets.token_urlsafe(24)
    app = Guard(make_app(Studio(folder)), options.host, port, token)
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        ws_max_size=_LARGEST_MESSAGE,
        server_header=False,
        timeout_graceful_shutdown=3,
        lifespan="on",
    )
    address = _address(options.host, port, token)
    sys.stdout.write(f"dreamstream: the studio of {folder.root} is at {address} (Ctrl-C ends it)\n")
    sys.stdout.flush()
    if not options.no_browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    uvicorn.Server(config).run([listener])
    return 0


def _is_loopback(host: str) -> bool:
    return host in (LOOPBACK, "localhost", "::1")


def _listen(host: str, port: int | None) -> tuple[socket.socket, int]:
    """Listen at a port, or at the first free one.

    Raises:
        DreamstreamError: It is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = [port] if port is not None else range(PORT, PORT + _MOST_PORTS)
    problem = ""
    for each in ports:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, each))
            listener.listen(64)
            return listener, each
        except OSError as error:
            problem = error.strerror or str(error)
            listener.close()
    raise DreamstreamError(
        f"listening at {host}:{ports[0]} failed ({problem}); give another --port or --host"
    )


def _own_address() -> str:
    """Return the address by which others reach this machine; nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that is no one's (RFC 5737)
            return str(probe.getsockname()[0])
        except OSError:  # no network
            return LOOPBACK


def _address(host: str, port: int, token: str | None) -> str:
    name = _own_address() if host in ("0.0.0.0", "::") else host
    shown = f"[{name}]" if ":" in name else name
    query = "" if token is None else f"?token={token}"
    return f"http://{shown}:{port}/{query}"
