"""Single sign-on: log in at an OpenID Connect provider, with authorization code and PKCE."""
