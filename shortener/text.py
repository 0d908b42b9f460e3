"""What texts and times must be like wherever the API takes them."""

from datetime import datetime

LAST_YEAR = 9998


def printable(text: str) -> str:
    """Without spaces around it. Raises ValueError for control characters."""
    text = text.strip()
    if any(not (sign.isprintable() or sign == "\u200d") for sign in text):
        raise ValueError("the text holds control characters")
    return text


def nonempty(text: str) -> str:
    """To be asked behind `printable`: of spaces alone nothing is left. Raises ValueError."""
    if not text:
        raise ValueError("the text is empty")
    return text


def storable(moment: datetime) -> datetime:
    """Raises ValueError for a year that the database cannot hold in every time zone."""
    # The very last moment is infinity to the database, and one with an offset may lie behind it.
    if moment.year > LAST_YEAR:
        raise ValueError(f"the year is later than {LAST_YEAR}")
    return moment
