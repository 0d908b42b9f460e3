"""What texts must be like wherever the API takes them."""


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
