"""How a clip's prompt came about, kept beside the clip: what models were asked, and what they answered.

Apart from the rewriting itself, which clips whose prompts stand as they are need not import.
"""

import json
from dataclasses import asdict
from pathlib import Path

from mova_core.sampling.request.request import Clip
from mova_core.storage.atomic import write_text

SCHEMA = "prompting/1"
SUFFIX = ".prompting.json"  # in place of a clip's own: clip.mp4, clip.prompting.json


def record_path(clip: Path) -> Path:
    """Where it is kept how a clip's prompt came about."""
    return clip.with_suffix(SUFFIX)


def write_record(clip: Clip) -> None:
    """Write how a clip's prompt came about; where it was not rewritten, the record of an earlier clip is removed."""
    if clip.prompting is None:
        record_path(clip.path).unlink(missing_ok=True)
    else:
        described = {"schema": SCHEMA} | asdict(clip.prompting)
        write_text(record_path(clip.path), json.dumps(described, indent=1, ensure_ascii=False) + "\n")
