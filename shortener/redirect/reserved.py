"""Words that no link has as its code."""

# First parts of paths that are, or may become, something other than a link.
_RESERVED_WORDS = """
    about account admin api app apps assets auth billing blog dashboard docs favicon health healthz help home
    index invitations keys links login logout me metrics new oauth oidc openapi pricing privacy public qr ready
    redoc register report reports robots security settings shortener signin signup sitemap static stats status
    support terms user users well-known workspace workspaces www
"""
RESERVED = frozenset(_RESERVED_WORDS.split())
