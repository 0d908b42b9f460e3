"""Flow control of a connection: pauses reading, and detects clients that do not read their answer."""

import asyncio
import socket
import sys

from uvicorn.protocols.http.flow_control import FlowControl

# Offset of tcpi_bytes_acked, the bytes that the other side has acknowledged (linux/tcp.h).
_ACKNOWLEDGED = slice(120, 128)


class Flow(FlowControl):
    """uvicorn pauses reading while nobody consumes a body, and `hold` pauses it while requests wait. Reading resumes
    when neither is the case."""

    _is_held = False
    # The client's last progress in reading, and when it was seen.
    _taken = 0
    _taken_at_s: float | None = None

    def hold(self) -> None:
        if not self._is_held:
            self._is_held = True
            self._transport.pause_reading()

    def release(self) -> None:
        if self._is_held:
            self._is_held = False
            if not self.read_paused:
                self._transport.resume_reading()

    def resume_reading(self) -> None:
        if self._is_held:
            self.read_paused = False
        else:
            super().resume_reading()

    def stalled_s(self, now_s: float) -> float:
        """Seconds for which the client has read nothing of the waiting data. Each call compares with the previous one,
        so call this regularly."""
        if not self._transport.get_write_buffer_size():
            self._taken_at_s = None
            return 0
        taken = _taken(self._transport)
        if self._taken_at_s is None or taken != self._taken:
            self._taken, self._taken_at_s = taken, now_s
        return now_s - self._taken_at_s


def _taken(transport: asyncio.Transport) -> int:
    """A number that changes when the client reads. The size of the transport's buffer would not do: it stays the same
    while the kernel's buffer has enough, which is a minute of a slow download."""
    if sys.platform == "linux":
        peer: socket.socket = transport.get_extra_info("socket")
        try:
            info = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED.stop)
            return int.from_bytes(info[_ACKNOWLEDGED], sys.byteorder)
        except OSError:
            pass  # Not TCP.
    return transport.get_write_buffer_size()
