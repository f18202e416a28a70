"""One window a user: a second start hands its files to the first, and no two ever share a queue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_PATIENCE_MS = 3000
_MAX_MESSAGE = 1 << 20
_HEARD = b"heard\n"


class Instance(QObject):
    """Holds the state folder's lock and listens for later starts.

    Attributes:
        called: a later start came, with a list of paths.
    """

    called = Signal(object)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        folder.mkdir(parents=True, exist_ok=True)
        # The folder is the user's own, so its name tells users apart.
        self.name = "freegvc-" + hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:24]
        self._lock = QLockFile(str(folder / "window.lock"))
        # A lock is stale where its process has gone, however old it is.
        self._lock.setStaleLockTime(0)
        self.server: QLocalServer | None = None
        self._heard: dict[QLocalSocket, bytes] = {}

    def claim(self) -> bool:
        """Become the one window; False where another is."""
        if not self._lock.tryLock(0):
            return False
        # Left by a window that crashed: whoever holds the lock may take the name.
        QLocalServer.removeServer(self.name)
        self.server = QLocalServer(self)
        self.server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self.server.newConnection.connect(self._greet)
        self.server.listen(self.name)
        return True

    def hand_over(self, files: Sequence[Path]) -> bool:
        """Give files to the window that is there, and bring it to the front; False where it doesn't answer."""
        socket = QLocalSocket()
        socket.connectToServer(self.name)
        if not socket.waitForConnected(_PATIENCE_MS):
            return False
        socket.write(json.dumps([str(path) for path in files]).encode() + b"\n")
        return bool(socket.waitForReadyRead(_PATIENCE_MS)) and socket.readAll().data() == _HEARD

    def release(self) -> None:
        """Let the next start be the one window."""
        if self.server is not None:
            self.server.close()
            self.server = None
        self._lock.unlock()

    @Slot()
    def _greet(self) -> None:
        while self.server is not None and (socket := self.server.nextPendingConnection()) is not None:
            self._heard[socket] = b""
            socket.readyRead.connect(self._listen)
            socket.disconnected.connect(self._forget)

    @Slot()
    def _listen(self) -> None:
        for socket in list(self._heard):
            self._heard[socket] += socket.readAll().data()
            line, end, _ = self._heard[socket].partition(b"\n")
            if not end and len(line) <= _MAX_MESSAGE:
                continue
            del self._heard[socket]
            try:
                files = [Path(str(name)) for name in json.loads(line)]
            except (ValueError, TypeError):
                socket.abort()
                continue
            socket.write(_HEARD)
            socket.flush()
            self.called.emit(files)

    @Slot()
    def _forget(self) -> None:
        for socket in list(self._heard):
            if socket.state() is QLocalSocket.LocalSocketState.UnconnectedState:
                del self._heard[socket]
