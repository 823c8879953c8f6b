"""Accepted clips with their captions, and which captions are of the synthetic world."""

from mova_core.curation.caption.templates import synthetic_caption
from mova_core.curation.encode.accepted_clips import Row, accepted_clips
from mova_core.curation.tables import read_table
from mova_core.places import DataFolder
from mova_core.synthetic.world import KINDS

CAPTION_OF = {name: synthetic_caption([name], None).merged for name in KINDS}


def captioned_clips(data: DataFolder) -> list[Row]:
    """Accepted clips with their caption, in the order of the table."""
    merged = {row["clip_id"]: row["merged"] for row in read_table(data.table("captions"), "captions")}
    return [row | {"merged": merged[row["clip_id"]]} for row in accepted_clips(data) if merged.get(row["clip_id"])]


def class_of_caption(caption: str) -> str | None:
    """The class of a caption that names one alone."""
    return next((name for name, known in CAPTION_OF.items() if caption == known), None)


def is_synthetic(caption: str) -> bool:
    """Whether a caption is of one class of the synthetic world or of several."""
    return any(caption.startswith(known.rstrip(".")) for known in CAPTION_OF.values())
