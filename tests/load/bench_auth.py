"""The cost of an API key or a token, as a Markdown table of medians and their ratios.

    python -m tests.load.bench_auth

Requests without, with a key and with a token alternate, one by one, on one connection to a `shortener up` of its own.
All are counted against a limit that none of them reaches.
"""

import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.product import CHROME, Product, create, running
from tests.load.page import table

ROUNDS = 5
REQUESTS = 300
MOST_RATIO = 1.15
NEVER_REACHED = "1000000/minute"
ACCOUNT = {"email": "ada@example.com", "password": "mauve giraffe cycles"}


class Connection:
    """As little of a client as can be: what it takes itself would hide a difference."""

    def __init__(self, product: Product) -> None:
        self._socket = socket.create_connection(("127.0.0.1", product.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def took_s(self, request: bytes, status: bytes) -> float:
        began_at_s = time.perf_counter()
        self._socket.sendall(request)
        head, _, body = self._socket.recv(65536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._socket.recv(65536)
        return time.perf_counter() - began_at_s


def credentials(product: Product) -> dict[str, dict[str, str]]:
    """The headers of each kind of client."""
    form = {"username": ACCOUNT["email"], "password": ACCOUNT["password"]}
    wanted = {"name": "bench", "scopes": ["links:read", "links:write"]}
    with product.client() as client:
        client.post("/api/v1/auth/register", json=ACCOUNT).raise_for_status()
        token = client.post("/api/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        login = {"Authorization": f"Bearer {token}"}
        key = client.post("/api/v1/keys", json=wanted, headers=login).raise_for_status().json()["key"]
    return {"anonymous": {}, "key": {"X-API-Key": key}, "token": login}


def written(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {CHROME}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + body


def measure(product: Product, code: str, who: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, list[float]]]:
    """Medians of the rounds, in milliseconds, by request and client."""
    body = json.dumps({"url": "https://example.com/"}).encode()
    asked = {
        "read a link": ("GET", f"/api/v1/links/{code}", b"", b"200"),
        "create a link": ("POST", "/api/v1/links", body, b"201"),
        "follow a link": ("GET", f"/{code}", b"", b"302"),
    }
    connection = Connection(product)
    rounds: dict[str, dict[str, list[float]]] = {name: {client: [] for client in who} for name in asked}
    for n in range(ROUNDS + 1):
        for name, (method, path, sent, status) in asked.items():
            requests = {client: written(method, path, headers, sent) for client, headers in who.items()}
            taken: dict[str, list[float]] = {client: [] for client in who}
            for _ in range(REQUESTS):
                for client, request in requests.items():
                    taken[client].append(connection.took_s(request, status))
            for client, seconds in taken.items():
                if n:  # The first round warms up.
                    rounds[name][client].append(1000 * statistics.median(seconds))
    return rounds


def main() -> None:
    limits = dict.fromkeys(("limit_api", "limit_account"), NEVER_REACHED)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder, "data"), web_processes=1, **limits) as product,
    ):
        with product.client() as client:
            code = create(client)
        rounds = measure(product, code, credentials(product))
        product.stop()
    rows, highest = [], 0.0
    for name, by_client in rounds.items():
        median = {client: statistics.median(values) for client, values in by_client.items()}
        cells = [f"{value:.2f}" for value in median.values()]
        for client in ("key", "token"):
            ratios = [a / b for a, b in zip(by_client[client], by_client["anonymous"], strict=True)]
            highest = max(highest, statistics.median(ratios))
            cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})")
        rows.append([name, *cells])
    head = ("", "anonymous, ms", "key, ms", "token, ms", "key / anonymous", "token / anonymous")
    print(table(head, rows))
    sys.exit(0 if highest <= MOST_RATIO else f"{highest:.2f} times an anonymous request is more than {MOST_RATIO}")


if __name__ == "__main__":
    main()
