"""The templates of every page: `pages/base.html` is the layout they share, `pages/style.css` their look.

Templates hold no logic: they loop over prepared values and leave out what is not there.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, Environment, FunctionLoader, StrictUndefined

from mova_core.reporting.charts.style import COLOURS


def render(name: str, values: Mapping[str, Any], more: Mapping[str, str] | None = None) -> str:
    """A page.

    Args:
        name: of its template, in `pages/` or among `more`.
        values: what the template shows, ready to print.
        more: templates from elsewhere, by name; they may extend `base.html`.
    """
    loader = ChoiceLoader([DictLoader({"colours.css": COLOURS, **(more or {})}), FunctionLoader(_text)])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name).render(values)


def _text(name: str) -> str:
    """A file of `pages/`."""
    return (files("mova_core.reporting") / "pages" / name).read_text(encoding="utf-8")
