"""Stands for both feeds, as a process of its own: what it says of a URL, the URL says. Prints its port."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

KEY = "the feed's key"
WELL = Path(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        threats = query["threatTypes"]
        listed = {"threat": {"threatTypes": threats[:1], "expireTime": "2030-01-01T00:00:00Z"}}
        self._answer(self.headers["X-Goog-Api-Key"], query["uri"][0], listed, {})

    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        listed = {"query_status": "ok", "url_status": "online", "threat": "malware_download"}
        self._answer(self.headers["Auth-Key"], body["url"][0], listed, {"query_status": "no_results"})

    def _answer(self, key: str, url: str, listed: dict, clean: dict) -> None:
        status, answer = 200, json.dumps(listed if "phish" in url else clean)
        if key != KEY:
            status = 403
        elif not WELL.exists() or "broken" in url:
            status = 500
        elif "slow" in url:
            time.sleep(10)
        elif "odd" in url:
            answer = '{"error": "quota"}'
        elif "text" in url:
            answer = "<html>"
        elif "list" in url:
            answer = "[]"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
