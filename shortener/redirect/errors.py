"""Why a short link does not work."""

from shortener.errors import Gone, NotFound, Unauthorized


class LinkNotFound(NotFound):
    """No link has this code, or the link was deleted or belongs to somebody else."""

    type, title = "link-not-found", "No such link"


class LinkGone(Gone):
    """The short link was deleted, was disabled, has expired or is used up; `detail` says which."""

    type, title = "link-gone", "This link no longer works"


class LinkBanned(Gone):
    """An admin has banned the link or the host of its destination."""

    type, title = "link-banned", "This link was taken down"


class LinkScheduled(NotFound):
    """The short link does not work yet."""

    type, title = "link-scheduled", "This link does not work yet"


class LinkLocked(Unauthorized):
    """The short link needs a password, or the password that was sent is wrong.

    Open the link in a browser, or send the form field `password` by POST.
    """

    type, title = "link-locked", "This link needs a password"
