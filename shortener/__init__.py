"""An async-first URL shortener: an answered redirect is a counted click."""

from importlib.metadata import version

__version__ = version("shortener")
