"""Logging in at an OpenID Connect provider, with authorization code and PKCE."""
