"""The access log: a line for each request, whichever way it was answered, and nothing personal in it."""

import json

from tests.e2e.product import eventually, running


def test_each_request_is_a_line_without_address_query_or_token(tmp_path):
    settings = {"access_log": True, "log_format": "json", "web_processes": 1}
    with running(tmp_path / "data", **settings) as product, product.client() as client:
        client.post("/api/v1/links", json={"url": "https://example.com/", "code": "abc"}).raise_for_status()
        asked = [("GET", "/abc", 302), ("HEAD", "/abc", 302), ("GET", "/nowhere", 404), ("GET", "/api/v1/links", 401)]
        for method, path, status in asked:
            answer = client.request(method, f"{path}?token=geheim", headers={"Authorization": "Bearer geheim"})
            assert answer.status_code == status

        def logged() -> list[dict[str, object]]:
            lines = [json.loads(line) for line in product.output().splitlines() if '"event": "request"' in line]
            return [line for line in lines if line["path"] in {"/abc", "/nowhere", "/api/v1/links"}]

        eventually(lambda: len(logged()) > len(asked))
        lines = logged()
    assert [(line["method"], line["path"], line["status"]) for line in lines[1:]] == asked
    assert all(0 < line["duration_ms"] < 60_000 for line in lines)
    assert all(
        set(line) == {"event", "method", "path", "status", "duration_ms", "logger", "level", "timestamp"}
        for line in lines
    )
    assert "geheim" not in product.output()
    assert "127.0.0.1" not in str(lines)
