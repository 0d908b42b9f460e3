"""A link is reused on the domain that it would be made on."""

from tests.domains.conftest import DOMAINS, HOST, add
from tests.workspaces.conftest import LINKS, URL

SAME = {"url": URL, "reuse": True}


async def test_a_link_of_another_domain_is_not_given(ada, eve, names, shared):
    await add(ada, names, workspace=shared)
    asked = {"url": URL, "workspace": shared, "reuse": True}
    own, other = await ada.post(LINKS, **asked), await ada.post(LINKS, **asked, domain=HOST)
    assert (own["domain"], other["domain"]) == (None, HOST)
    assert (await ada.post(LINKS, **asked))["id"] == own["id"]
    assert (await ada.post(LINKS, **asked, domain=HOST, code=other["code"]))["id"] == other["id"]
    assert await ada.status("PATCH", f"{DOMAINS}/{HOST}", json={"is_default": True}) == 200
    assert (await ada.post(LINKS, **asked))["id"] == other["id"]
    assert (await ada.post(LINKS, **asked, domain=None))["id"] == own["id"]
    items = [SAME, {**SAME, "domain": HOST}, {**SAME, "domain": None}, {**SAME, "domain": "go.example.net"}]
    results = (await ada.post(f"{LINKS}/bulk", links=items, workspace=shared))["results"]
    assert [result["status"] for result in results] == [200, 200, 200, 422]
    assert [result["link"]["id"] for result in results[:3]] == [other["id"], other["id"], own["id"]]
    assert await eve.status("POST", f"{LINKS}/bulk", json={"links": items, "workspace": shared}) == 404
