"""Names from outside, as a terminal may show them."""


def printable(text: str) -> str:
    """Names are data: what could move a terminal's cursor is shown escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
