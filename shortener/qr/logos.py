"""Logos: checks and encodes pictures that clients send, and keeps them for workspaces."""

import io
import uuid

from PIL import Image, ImageOps
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.audit.trail import Action, record, workspace_subject
from shortener.errors import NotFound, Unprocessable
from shortener.event_loop.bounded_threads import BoundedThreads
from shortener.links.models import Link
from shortener.qr.models import WorkspaceLogo
from shortener.workspaces.service import WorkspaceService, own

MAX_LOGO_BYTES = 256 * 1024
# Decoded, they take four bytes each. Checked by the picture's head, before anything is decoded.
MAX_PIXELS = 4_000_000
# Logos are kept with at most this width and height: as much as the largest QR code shows of them.
KEPT_PX = 384

_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}


class InvalidLogo(Unprocessable):
    """The body is not a PNG or a JPEG, has more than 4 million pixels, or is damaged; `detail` says which. The first
    bytes decide the type, not a header or a name.

    Send another picture.
    """

    type, title = "invalid-logo", "Invalid logo"


class UnknownLogo(NotFound):
    """The workspace has no logo.

    `PUT /api/v1/workspaces/{id}/logo`
    """

    type, title = "logo-not-found", "No logo"

    def __init__(self) -> None:
        super().__init__("The workspace has no logo.")


def kept(data: bytes) -> bytes:
    """The picture as a PNG of bounded size, without anything but its pixels. Raises InvalidLogo."""
    kind = next((kind for beginning, kind in _BEGINNINGS.items() if data.startswith(beginning)), None)
    if kind is None:
        raise InvalidLogo("The body is not a PNG or JPEG picture.")
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            _check_pixels(picture)
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except Image.DecompressionBombError:
        raise InvalidLogo(f"The picture has more than {MAX_PIXELS:,} pixels.") from None
    except Exception as error:  # Pillow has no common class for what is wrong with a file.
        raise InvalidLogo(f"The picture cannot be read as {kind}: it is damaged or cut off.") from error
    upright.thumbnail((KEPT_PX, KEPT_PX))
    file = io.BytesIO()
    # A new picture, so that no metadata go along.
    Image.frombytes("RGBA", upright.size, upright.tobytes()).save(file, "PNG", optimize=True)
    return file.getvalue()


def _check_pixels(picture: Image.Image) -> None:
    """Raises DecompressionBombError, as Pillow itself does for far more pixels."""
    if picture.width * picture.height > MAX_PIXELS:
        raise Image.DecompressionBombError


class LogoService:
    """Sets, gives and removes logos."""

    def __init__(self, workspaces: WorkspaceService, threads: BoundedThreads) -> None:
        self._workspaces = workspaces
        self._threads = threads

    async def put(self, session: AsyncSession, workspace_id: uuid.UUID, user_id: int, data: bytes) -> None:
        """Raises UnknownWorkspace, InsufficientRole, InvalidLogo, ServiceUnavailable."""
        async with session.begin():
            await own(session, workspace_id, user_id)
        png = await self._threads.run(lambda: kept(data))
        async with session.begin():
            await own(session, workspace_id, user_id)
            row = insert(WorkspaceLogo).values(workspace_id=workspace_id, png=png)
            newer = {"png": png, "updated_at": func.now()}
            await session.execute(row.on_conflict_do_update(index_elements=["workspace_id"], set_=newer))
            record(session, Action.LOGO_SET, workspace_subject(workspace_id))

    async def get(self, session: AsyncSession, workspace_id: uuid.UUID, user_id: int) -> bytes:
        """The PNG. Raises UnknownWorkspace, UnknownLogo."""
        await self._workspaces.get(session, workspace_id, user_id)
        return (await _logo(session, workspace_id)).png

    async def delete(self, session: AsyncSession, workspace_id: uuid.UUID, user_id: int) -> None:
        """Raises UnknownWorkspace, InsufficientRole, UnknownLogo."""
        async with session.begin():
            await own(session, workspace_id, user_id)
            await session.delete(await _logo(session, workspace_id))
            record(session, Action.LOGO_REMOVED, workspace_subject(workspace_id))


async def logo_of_link(session: AsyncSession, link_id: int) -> bytes | None:
    """The PNG of the link's workspace."""
    logos = select(WorkspaceLogo.png).join(Link, Link.workspace_id == WorkspaceLogo.workspace_id)
    return await session.scalar(logos.where(Link.id == link_id))


async def _logo(session: AsyncSession, workspace_id: uuid.UUID) -> WorkspaceLogo:
    logo = await session.get(WorkspaceLogo, workspace_id)
    if logo is None:
        raise UnknownLogo
    return logo
