"""Secrets that people type."""

import sys


def read_secret(what: str) -> str:
    """Never from the arguments, which every user of the machine can see."""
    import typer

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    secret: str = typer.prompt(what, hide_input=True, confirmation_prompt=True, err=True)
    return secret
