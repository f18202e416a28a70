"""A hub on this machine's loopback that misbehaves as told, one answer after the other."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What is published, how the next answers go wrong, and what was asked.

    Attributes:
        files: path in the repository -> content.
        tricks: path -> what to do with its next requests: "drop N", "short N", "wrong", "long", "ignore range",
            "other range", "length X" (says that of its length), "hold N" (N bytes, then none until `go` is set),
            "416", "500", "403", or "ok".
        asked: (method, path, Range header) of each request for bytes.
        renamed: a repository that answers with its new name.
        announced: path -> a size that isn't its own.
    """

    files: dict[str, bytes]
    url: str = ""
    tricks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)
    renamed: str = ""
    commit: str = ""
    announced: dict[str, int] = field(default_factory=dict)
    go: threading.Event = field(default_factory=threading.Event)

    def etag(self, path: str) -> str:
        return self.etags.get(path, hashlib.md5(self.files[path]).hexdigest())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    hub: Hub

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        path = self._path()
        if self.hub.renamed and self.path.startswith(f"/{self.hub.renamed}/"):
            self._answer(307, {"Location": self.path.replace(self.hub.renamed, "new/name", 1), "Content-Length": "0"})
            return
        if path not in self.hub.files:
            self._answer(404, {"Content-Length": "0"})
            return
        data = self.hub.files[path]
        headers = {"X-Repo-Commit": self.hub.commit or self.path.split("/")[4]}
        size = str(self.hub.announced.get(path, len(data)))
        if path.endswith(".safetensors"):
            digest = hashlib.sha256(data).hexdigest()
            linked = {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": size, "Content-Length": "0"}
            self._answer(302, {**headers, **linked, "Location": f"{self.hub.url}/elsewhere/{path}"})
        else:
            digest = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            self._answer(200, {**headers, "ETag": f'"{digest}"', "Content-Length": str(len(data))})

    def do_GET(self) -> None:
        path = self._path()
        wanted = self.headers.get("Range")
        self.hub.asked.append(("GET", path, wanted))
        trick = self.hub.tricks[path].pop(0) if self.hub.tricks[path] else "ok"
        if trick.isdigit():
            self._answer(int(trick), {"Content-Length": "0"})
            return
        self._send(path, trick, wanted)

    def _send(self, path: str, trick: str, wanted: str | None) -> None:
        data, etag = self.hub.files[path], f'"{self.hub.etag(path)}"'
        if trick == "wrong":
            data = bytes([data[0] ^ 1]) + data[1:]
        if trick == "long":
            data += b"more"
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if trick == "ignore range" or self.headers.get("If-Range", etag) != etag:
            start = 0
        body = data[start:]
        headers = {"ETag": etag, "Content-Length": str(len(body))}
        if start:
            shown = start + 1 if trick == "other range" else start
            headers["Content-Range"] = f"bytes {shown}-{len(data) - 1}/{len(data)}"
        if trick.startswith("length"):
            headers["Content-Length"] = trick.split()[1]
        if trick.startswith("short"):
            body = body[: int(trick.split()[1])]
            headers["Content-Length"] = str(len(body))
        self._answer(206 if start else 200, headers)
        held = int(trick.split()[1]) if trick.startswith("hold") else 0
        self.wfile.write(body[: int(trick.split()[1])] if trick.startswith("drop") else body[: held or None])
        if held:
            self.hub.go.wait()
            # Whoever asked may have gone meanwhile.
            with contextlib.suppress(OSError):
                self.wfile.write(body[held:])
        if trick.startswith("drop"):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _path(self) -> str:
        """Behind /owner/name/resolve/COMMIT/ or /elsewhere/."""
        parts = self.path.lstrip("/").split("/")
        return "/".join(parts[1:] if parts[0] == "elsewhere" else parts[4:])

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextlib.contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Hub]:
    """Serve `files` until the block ends."""
    hub = Hub(files)
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # The end waits for whoever is still being answered.
    server.daemon_threads = False
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.go.set()
        server.shutdown()
        server.server_close()
        thread.join()
