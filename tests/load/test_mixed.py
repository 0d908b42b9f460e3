"""`make load` beside a product with its limits on, and with a product of its own."""

import re
import subprocess
import sys

from tests.e2e.product import running


def load(*options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "tests.load.mixed", "--seconds=5", *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def test_a_product_of_its_own_is_loaded_without_limits_and_each_followed_link_is_counted() -> None:
    found = load("--users=50")
    assert found.returncode == 0, found
    failed = re.findall(r"^\| (\w+) \| [\d,]+ \| (\d+) \|", found.stdout, re.MULTILINE)
    assert failed == [(kind, "0") for kind in ("follow", "create", "edit", "list", "figures")]
    assert re.search(r"^[\d,]+ links followed, and each counted\.$", found.stdout, re.MULTILINE), found.stdout


def test_beside_a_server_with_limits_the_load_says_how_to_lift_them(tmp_path) -> None:
    with running(tmp_path / "data", limit_api="100/minute", limit_redirect="50/minute") as product:
        found = load(f"--host={product.url}", "--users=10")
    assert "To lift them, start the server with SHORTENER_LIMIT_API" in found.stdout, found
    assert re.search(r"^\d+ links followed, and each counted\.$", found.stdout, re.MULTILINE), found.stdout
    assert found.returncode == 0


def test_a_server_that_makes_no_links_without_a_key_is_named_as_such(tmp_path) -> None:
    with running(tmp_path / "data", anonymous_links=False, anonymous_manage=False) as product:
        found = load(f"--host={product.url}")
    assert "Give one: make load HOST=… KEY=shr_…" in found.stdout, found
    assert found.returncode == 1
