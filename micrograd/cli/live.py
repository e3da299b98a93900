"""A page on a server of this machine alone, made anew whenever what it is about is saved."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from ..errors import MicrogradError
from ..lines import KEPT, keep_lines
from .scripts import loaded, used, where
from .subjects import Asked, kernel_of

HOST = "127.0.0.1"
BETWEEN = 0.3
"""Seconds between two looks at the files."""

State = tuple[int, int]
"""When a file was written, in nanoseconds, and how long it is."""

FAILED = """\
<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>micrograd explain</title>
<style>body {{ font: 15px/1.6 system-ui, sans-serif; margin: 3em auto; max-width: 50em;
padding: 0 1em; color-scheme: light dark }} pre {{ white-space: pre-wrap }}</style>
<h1>No page</h1><pre>{said}</pre><p>Save the script again when it is mended.</p>
<script>
let version = null;
setInterval(async () => {{
  const now = await (await fetch("/version")).text();
  if (version !== null && now !== version) location.reload();
  version = now;
}}, 500);
</script>
</html>
"""


class Server(ThreadingHTTPServer):
    """Serves one page, the latest."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.latest = (0, b"")
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def show(self, html: str) -> None:
        """Have this page served from now on; browsers that show the last one load it."""
        self.latest = (self.latest[0] + 1, html.encode())


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        version, html = self.server.latest
        port = self.server.server_port
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            # a name of somebody else's that leads here: its pages shall not read this one
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path == "/":
            self._send(html, "text/html; charset=utf-8")
        elif self.path == "/version":
            self._send(str(version).encode(), "text/plain")
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: there is a question every half second."""


def serve(path: Path, asked: Asked, port: int, *, show: bool) -> None:
    """Serve the page until Ctrl-C, and make it anew whenever the script or what it has imported
    from its folder is saved.

    show   open it in a browser
    """
    try:
        server = Server(port)
    except OSError as error:
        raise MicrogradError(f"port {port} cannot be served: {error.strerror}") from error
    with server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            made = False
            states = {path.resolve(): _state(path)}
            while True:
                begun = time.time_ns()
                server.show(_made(path, asked))
                if not made:
                    print(f"serving {asked.name} on {server.url}; Ctrl-C ends it", flush=True)
                    made = True
                    if show:
                        import webbrowser

                        webbrowser.open(server.url)
                states = _saved(used(path), states, begun)
        except KeyboardInterrupt:
            print("\nended")
        finally:
            server.shutdown()


def _made(path: Path, asked: Asked) -> str:
    """The page, or one that says why there is none."""
    begun = time.perf_counter()
    KEPT.clear()  # Values of the last page are gone, their lines would not be
    try:
        with keep_lines():
            html: str = kernel_of(loaded(path), asked)._html(live=True)
    except Exception as error:
        said = str(error) if isinstance(error, MicrogradError) else where(error, path)
        print(f"no page: {said}", flush=True)
        return FAILED.format(said=escape(said))
    print(f"made the page in {time.perf_counter() - begun:.1f} s", flush=True)
    return html


def _saved(files: Iterable[Path], before: dict[Path, State], begun: int) -> dict[Path, State]:
    """The states of the files as soon as one is another than when the page was begun.

    before   the states at that time, of files that were known then; others are new if they were
             written since
    begun    that time, in nanoseconds
    """
    while True:
        now = {file: _state(file) for file in files}
        for file, state in now.items():
            if before[file] != state if file in before else state[0] >= begun:
                return now
        time.sleep(BETWEEN)


def _state(file: Path) -> State:
    """That of a file; of one that is just being replaced, nothing."""
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
