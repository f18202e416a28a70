"""What a hub says of a published file before it is fetched: commit, size and hash (Hugging Face's HTTP interface)."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO

from codec.errors import PriorError, SettingsError
from codec.store.transfer.download import NETWORK_ERRORS, TIMEOUT, Wanted, byte_count

ENDPOINT = "https://huggingface.co"
_REDIRECTS = (301, 302, 303, 307, 308)


def check_online() -> None:
    """Refuse to go to any publisher where the user forbids it.

    Raises:
        SettingsError: $HF_HUB_OFFLINE is set.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise SettingsError("HF_HUB_OFFLINE is set, so nothing is fetched; unset it, or add what you have.")


@dataclass(frozen=True)
class Announced:
    """One file of a repository at one commit.

    Attributes:
        path: inside the repository.
        git_sha1: of its git blob; small files have this instead of a SHA-256.
    """

    path: str
    wanted: Wanted
    git_sha1: str | None

    def intact(self, path: Path) -> bool:
        """Whether the fetched file at `path` has its announced git hash, where there is one."""
        return self.git_sha1 is None or git_blob_sha1(path) == self.git_sha1


class Hub:
    """Files of one repository at $HF_ENDPOINT or Hugging Face.

    Raises:
        SettingsError: $HF_HUB_OFFLINE forbids going there, or $HF_ENDPOINT is no address of the web.
    """

    def __init__(self, repository: str) -> None:
        check_online()
        self._base = f"{_endpoint()}/{repository}/resolve"

    def announce(self, commit: str, path: str) -> Announced | None:
        """What the hub says of a file, or None where it has none at `path`.

        Raises:
            PriorError: it can't be reached, refuses, or answers with another commit.
        """
        url = f"{self._base}/{commit}/{path}"
        headers = _head(url)
        if headers is None:
            return None
        if (answered := headers.get("X-Repo-Commit", commit)) != commit:
            raise PriorError(
                f"{url} was asked for and answered with {answered}; check HF_ENDPOINT, or add a folder that you trust."
            )
        tag = (headers.get("X-Linked-ETag") or headers.get("ETag") or "").removeprefix("W/").strip('"')
        return Announced(
            path=path,
            wanted=Wanted(
                url=url,
                size=byte_count(headers.get("X-Linked-Size") or headers.get("Content-Length")),
                sha256=tag if re.fullmatch("[0-9a-f]{64}", tag) else None,
            ),
            git_sha1=tag if re.fullmatch("[0-9a-f]{40}", tag) else None,
        )


def _endpoint() -> str:
    chosen = os.environ.get("HF_ENDPOINT") or ENDPOINT
    if not re.fullmatch(r"https?://[^\s/?#\[\]]+(/[^\s?#]*)?", chosen):
        raise SettingsError(f"HF_ENDPOINT is {chosen!r}, no address of a hub; set one like {ENDPOINT}, or unset it.")
    return chosen.rstrip("/")


class _OwnHostOnly(urllib.request.HTTPRedirectHandler):
    """Stops at a redirection to the bytes elsewhere: it carries what the hub says, the answer behind it does not."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        if re.match("/(?!/)", headers.get("Location", "")):
            return urllib.request.Request(newurl, method="HEAD", headers=dict(req.headers))
        del fp, code, msg
        return None


def _head(url: str) -> Message | None:
    request = urllib.request.Request(url, method="HEAD", headers={"Accept-Encoding": "identity"})
    try:
        with urllib.request.build_opener(_OwnHostOnly).open(request, timeout=TIMEOUT) as answer:
            headers: Message = answer.headers
            return headers
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _REDIRECTS:
            return error.headers
        if error.code == 404:
            return None
        raise PriorError(f"{url} answers {error.code} {error.reason}; try again later.") from error
    except NETWORK_ERRORS as error:
        reason = getattr(error, "reason", error)
        raise PriorError(f"{url} can't be reached ({reason}); check the connection and try again.") from error


def git_blob_sha1(path: Path) -> str:
    """The hash by which git, and so a hub's ETag, names a small file."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
