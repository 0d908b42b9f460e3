"""A badge: a small picture with a number of clicks. Pure."""

_HEIGHT = 20
# Of a letter and of a digit in the font, with room for other fonts.
_LETTER, _PADDING = 7, 8


def badge(clicks: int) -> str:
    """SVG that runs nothing and loads nothing."""
    label, number = "click" if clicks == 1 else "clicks", f"{clicks:,}"
    left, right = (len(text) * _LETTER + 2 * _PADDING for text in (label, number))
    width = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" role="img" '
        f'aria-label="{number} {label}"><title>{number} {label}</title>'
        f'<rect width="{width}" height="{_HEIGHT}" rx="4" fill="#1d5fd0"/>'
        f'<path d="M4 0h{left - 4}v{_HEIGHT}H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4z" fill="#3b4252"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14">{label}</text><text x="{left + right / 2:g}" y="14">{number}</text></g></svg>'
    )
