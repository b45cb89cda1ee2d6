"""The page, the map, /docs, and the headers on all of them."""

import gzip
from pathlib import Path

import pytest

from tests.unit.gateway.serving import serving

INDEX = b'<!doctype html><script>let dark = 1;</script><script type="module" src="/assets/app-1.js"></script>'


@pytest.fixture
def built(tmp_path: Path) -> dict[str, Path]:
    frontend, tiles = tmp_path / "frontend", tmp_path / "map" / "tiles" / "12" / "1"
    (frontend / "assets").mkdir(parents=True)
    tiles.mkdir(parents=True)
    (frontend / "index.html").write_bytes(INDEX)
    (frontend / "favicon.svg").write_text("<svg/>")
    (frontend / "assets" / "app-1.js").write_text("plain")
    (frontend / "assets" / "app-1.js.gz").write_bytes(gzip.compress(b"packed"))
    (tiles / "2.pbf").write_bytes(b"tile")
    (tmp_path / "secret.txt").write_text("secret")
    return {"frontend": frontend, "map": tmp_path / "map"}


@pytest.mark.parametrize("path", ["/", "/live", "/live?trip=1", "/operations", "/anything/deep"])
async def test_every_address_of_the_page_is_its_index_and_is_never_kept(built: dict[str, Path], path: str) -> None:
    async with serving(**built) as here:
        answer = await here.http.get(path)
        assert (answer.status_code, answer.content) == (200, INDEX)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_the_policy_allows_the_scripts_of_the_page_and_follows_a_new_build(built: dict[str, Path]) -> None:
    async with serving(**built) as here:
        policy = (await here.http.get("/")).headers["content-security-policy"]
        # printf 'let dark = 1;' | openssl dgst -sha256 -binary | base64
        assert "script-src 'self' 'sha256-IAD2sbTtL4aTKqbejWr37grin4hNLGwLbTTU9Hk9e8Q='" in policy
        assert "worker-src 'self' blob:" in policy
        assert "unsafe-eval" not in policy
        index = built["frontend"] / "index.html"
        index.write_bytes(b"<!doctype html>")
        answer = await here.http.get("/")
        assert answer.content == b"<!doctype html>"
        assert "sha256-" not in answer.headers["content-security-policy"]


async def test_hashed_files_are_kept_for_ever_and_come_compressed_to_who_takes_it(built: dict[str, Path]) -> None:
    async with serving(**built) as here:
        packed = await here.http.get("/assets/app-1.js")
        assert (packed.text, packed.headers["content-encoding"]) == ("packed", "gzip")
        assert "immutable" in packed.headers["cache-control"]
        assert packed.headers["content-type"].startswith("text/javascript")
        plain = await here.http.get("/assets/app-1.js", headers={"accept-encoding": "identity"})
        assert plain.text == "plain"
        assert "content-encoding" not in plain.headers
        assert (await here.http.get("/favicon.svg")).headers["cache-control"] == "no-cache"


async def test_a_file_that_did_not_change_is_not_sent_again(built: dict[str, Path]) -> None:
    async with serving(**built) as here:
        first = await here.http.get("/favicon.svg")
        again = await here.http.get("/favicon.svg", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_tiles_and_the_empty_ones_around_them(built: dict[str, Path]) -> None:
    async with serving(**built) as here:
        tile = await here.http.get("/map/tiles/12/1/2.pbf")
        assert (tile.content, tile.headers["cache-control"]) == (b"tile", "public, max-age=86400")
        assert tile.headers["content-type"] == "application/x-protobuf"
        empty = await here.http.get("/map/tiles/12/1/3.pbf")
        assert (empty.status_code, empty.content) == (204, b"")
        assert (await here.http.get("/map/nothing.json")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/assets/gone.js", "/v1/nothing", "/broker/x", "/assets/../../secret.txt", "/..%2fsecret.txt"]
)
async def test_what_is_no_page_is_a_404_problem_and_not_the_index(built: dict[str, Path], path: str) -> None:
    async with serving(**built) as here:
        answer = await here.http.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_page_is_only_read(built: dict[str, Path]) -> None:
    async with serving(**built) as here:
        answer = await here.http.post("/live")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert (await here.http.head("/")).status_code == 200


async def test_a_page_that_is_not_built_says_how_to() -> None:
    async with serving() as here:
        answer = await here.http.get("/")
        assert answer.status_code == 404
        assert "make run" in answer.json()["detail"]
        assert (await here.http.get("/favicon.svg")).status_code == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/nothing", "/map/tiles/12/1/2.pbf"])
async def test_security_headers_are_on_every_answer(built: dict[str, Path], path: str) -> None:
    async with serving(**built) as here:
        headers = (await here.http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


async def test_docs_need_nothing_from_elsewhere(built: dict[str, Path]) -> None:
    docs = built["frontend"] / "docs"
    docs.mkdir()
    (docs / "swagger-ui-bundle.js").write_text("bundle")
    async with serving(**built) as here:
        page = (await here.http.get("/docs")).text
        assert "://" not in page
        assert "/openapi.json" in page
        assert "/openapi.json" in (await here.http.get("/docs/start.js")).text
        assert (await here.http.get("/docs/swagger-ui-bundle.js")).text == "bundle"
        assert (await here.http.get("/docs/swagger-ui.css")).status_code == 404
