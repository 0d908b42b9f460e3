"""The QR code of a link: a preview, and files for screen and print."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from shortener.access.routes import CallerDep
from shortener.dashboard.page import render
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import PageRoute
from shortener.dashboard.templates import name_of, query
from shortener.errors import InvalidParameter
from shortener.links.routes import ExistingCode, Links, link_out
from shortener.qr.api import PRIVATE, PicturesDep
from shortener.qr.look import Format, Look
from shortener.qr.pictures import Subject
from shortener.redirect.hosts import split_code
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/links/{code}", route_class=PageRoute, include_in_schema=False)

SIZES = (256, 512, 1024, 2048)


@router.head("/qr")
@router.get("/qr")
async def qr_page(
    code: ExistingCode,
    look: Annotated[Look, Query()],
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: VisitorDep,
    links: Links,
) -> Response:
    link = link_out(request, *await links.get(session, caller, code))
    error = None
    try:
        look.check_contrast()
    except InvalidParameter as refused:
        error = refused.errors[0]["message"]
    chosen = look.model_dump(exclude={"format", "size"}, exclude_defaults=True)
    values = {
        "visitor": visitor,
        "link": link,
        "look": look,
        "error": error,
        "sizes": SIZES,
        "picture": lambda **more: (
            f"/-/links/{name_of(link)}/qr.{more.pop('format', 'svg')}{query(_as_text(chosen), **more)}"
        ),
    }
    return render(request, "qr.html", values)


def _as_text(chosen: dict[str, object]) -> dict[str, object]:
    """Switches as queries have them."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in chosen.items()}


@router.head("/qr.{kind}")
@router.get("/qr.{kind}")
async def qr_file(
    code: ExistingCode,
    kind: Format,
    look: Annotated[Look, Query()],
    request: Request,
    session: Writer,
    caller: CallerDep,
    links: Links,
    pictures: PicturesDep,
    download: bool = False,
) -> Response:
    link, _clicks = await links.get(session, caller, code)
    look = look.model_copy(update={"format": kind})
    answer = await pictures.answer(request, Subject(link.code, None), look, **{"Cache-Control": PRIVATE})
    if download:
        answer.headers["Content-Disposition"] = f'attachment; filename="{split_code(link.code)[1]}.{look.format}"'
    return answer
