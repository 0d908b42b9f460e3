"""QR codes on the command line of this machine."""

from shortener.access.memberships import OPERATOR
from shortener.links.commands import PARTS as LINK_PARTS
from shortener.links.commands import code_of
from shortener.links.ids import number_of
from shortener.links.parts import LINKS
from shortener.processes.command_line import command_session
from shortener.qr.logos import logo_of_link
from shortener.qr.look import Look
from shortener.qr.pictures import Subject, picture
from shortener.terminal.local import Local, validated
from shortener.terminal.operations import Call


async def draw(local: Local, call: Call) -> bytes:
    look, code = validated(Look, call.query, "query"), code_of(call)
    parts = await local.parts(*LINK_PARTS)
    async with command_session(parts) as session:
        link, _ = await parts[LINKS].get(session, OPERATOR, code)
        shown = code if number_of(code) is None else link.code
        subject = Subject(shown, await logo_of_link(session, link.id) if look.logo else None)
    return picture(local.settings.base_url, subject, look)
