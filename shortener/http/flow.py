"""The flow of a connection's data: when it is not read, and whether its client takes what is written."""

import asyncio
import socket
import sys

from uvicorn.protocols.http.flow_control import FlowControl

# Where Linux tells how many bytes the other side has acknowledged: tcpi_bytes_acked in linux/tcp.h.
_ACKNOWLEDGED = slice(120, 128)


class Flow(FlowControl):
    """uvicorn pauses reading for a body that nobody takes, and we pause it for requests that wait. Reading goes on when
    neither is the case."""

    _is_held = False
    # How far the client had come with what is written when it was last seen to take something, and when that was.
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
        """For how many seconds the client has taken nothing of what waits for it. Each call compares with the one
        before, so this has to be asked regularly."""
        if not self._transport.get_write_buffer_size():
            self._taken_at_s = None
            return 0
        taken = _taken(self._transport)
        if self._taken_at_s is None or taken != self._taken:
            self._taken, self._taken_at_s = taken, now_s
        return now_s - self._taken_at_s


def _taken(transport: asyncio.Transport) -> int:
    """A number that changes when the client takes something. The size of our own buffer would not do: it is the same
    for as long as the kernel's has enough, which is a minute of a slow download."""
    if sys.platform == "linux":
        peer: socket.socket = transport.get_extra_info("socket")
        try:
            info = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED.stop)
            return int.from_bytes(info[_ACKNOWLEDGED], sys.byteorder)
        except OSError:
            pass  # Not TCP.
    return transport.get_write_buffer_size()
