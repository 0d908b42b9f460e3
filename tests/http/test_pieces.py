"""Large bodies and answers are read and written in parts, and come to the same as if they were not."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.http import json_body
from shortener.http.json_body import MAX_PART_BYTES, JsonRequest
from shortener.http.pieces import PIECE_BYTES, answer_of, json_list
from shortener.links.idempotency import bulk_fingerprint
from shortener.links.schemas import BulkOut
from tests.links.test_api import LINKS, URL, assert_problem

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


async def read(body: bytes) -> Any:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    return await JsonRequest({"type": "http", "method": "POST", "headers": []}, receive).json()


@given(values, st.sampled_from([None, 1]), st.booleans())
async def test_a_large_body_is_read_as_a_small_one(value: Any, indent: int | None, is_ascii: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    try:
        wanted = json.loads(body.decode())
    except UnicodeDecodeError:
        return
    with pytest.MonkeyPatch.context() as patch:
        # Each part is longer than what is parsed at once, and none is too long.
        patch.setattr(json_body, "MAX_WHOLE_BYTES", 0)
        assert await read(body) == await read(b"\xef\xbb\xbf \n" + body) == wanted


@pytest.mark.parametrize(
    "begun",
    [b'{"links": [', b"[", b'{"links": ', b"{", b'{"links": [{"url": "\xff"}, ', b'{"links": [1 2], "x": "'],
)
async def test_a_large_body_that_is_no_json_is_refused_as_a_small_one(client, begun: bytes) -> None:
    for padding in (10, MAX_PART_BYTES + 1):
        body = begun + b" " * padding + b"]"
        answer = await client.post(f"{LINKS}/bulk", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, answer.text
        assert_problem(answer, answer.status_code, answer.json()["type"].rpartition(":")[2])


@pytest.mark.parametrize(
    "body",
    [{"links": [{"url": URL, "title": "x" * MAX_PART_BYTES}]}, {"links": "x" * MAX_PART_BYTES}, "x" * MAX_PART_BYTES],
)
async def test_a_part_that_is_larger_than_any_link_is_not_parsed(client, body: Any) -> None:
    assert_problem(await client.post(f"{LINKS}/bulk", json=body), 413, "content-too-large")


@given(
    st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=4), st.sampled_from([{}, {"workspace": "x[]"}])
)
async def test_the_fingerprint_of_a_bulk_request_is_that_of_its_sorted_json(links: list[Any], others: Any) -> None:
    body = {"links": links, **others}
    assert await bulk_fingerprint(body) == hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()


@pytest.mark.parametrize("sizes", [[], [0], [3], [PIECE_BYTES] * 3, [10 * PIECE_BYTES + 1, 7], [1] * 1000])
async def test_the_pieces_of_an_answer_come_to_the_whole(sizes: list[int]) -> None:
    items = [json.dumps("x" * size).encode() for size in sizes]
    answer = answer_of(json_list("items", items, {"total": len(sizes)}))
    sent = [bytes(part) async for part in answer.body_iterator]
    assert int(answer.headers["content-length"]) == sum(map(len, sent))
    assert max(map(len, sent)) <= 2 * PIECE_BYTES
    assert json.loads(b"".join(sent)) == {"items": ["x" * size for size in sizes], "total": len(sizes)}


async def test_a_bulk_request_is_answered_as_the_document_describes_it(client) -> None:
    links = [{"url": URL, "title": "ü"}, {"url": URL, "code": "no code"}, {"url": 1, "nobody": 2}, {"url": URL}]
    for headers in ({}, {"Idempotency-Key": "key"}, {"Idempotency-Key": "key"}):
        answer = await client.post(f"{LINKS}/bulk", json={"links": links}, headers=headers)
        found = BulkOut.model_validate_json(answer.content)
        assert [result.status for result in found.results] == [201, 422, 422, 201]
        assert (found.created, found.failed) == (2, 2)
        for result, read_back in zip(answer.json()["results"], found.results, strict=True):
            if read_back.link is not None:
                assert result["link"] == json.loads(read_back.link.model_dump_json())
    operation = (await client.get("/openapi.json")).json()["paths"][f"{LINKS}/bulk"]["post"]
    for content, model in ((operation["requestBody"], "BulkCreate"), (operation["responses"]["200"], "BulkOut")):
        assert content["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{model}"}
