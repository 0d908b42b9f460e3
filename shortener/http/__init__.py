"""Shared by all HTTP routes: problem documents, pages, times, limits of bodies, security headers."""
