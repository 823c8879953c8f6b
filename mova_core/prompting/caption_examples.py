"""Examples that a model sees before it rewrites a prompt: what it gets, and the caption that is wanted.

Own texts, in the order and the manner of merged training captions. A test holds them to the schemas and the rules.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt and its caption, as JSON values of `FrameDescription` and `Caption`."""

    prompt: str
    first_frame: dict[str, Any] | None
    caption: dict[str, Any]


EXAMPLES = (
    Example(
        prompt='the baker notices us and says "We open at six, come back then."',
        first_frame={
            "style": {"palette": "warm browns, cream, a blue apron", "light": "low lamps inside, dark street outside"},
            "cinematography": {
                "shot_size": "medium shot",
                "framing": "eye level, through the shop door",
                "composition": "baker left of centre, shelves of loaves behind him, a sign on the glass at the right",
            },
            "elements": {
                "subjects": ["a grey-haired baker in a blue apron", "a wooden counter with flour on it"],
                "spatial_relations": ["the baker stands behind the counter", "the sign hangs in front of him"],
            },
            "ocr_text": [{"text": "GESCHLOSSEN", "where": "a cardboard sign on the door"}],
        },
        caption={
            "visual": (
                "A medium shot at eye level looks through the glass door of a small bakery before dawn. A grey-haired "
                "baker in a blue apron stands behind a wooden counter dusted with flour, loaves on the shelves behind "
                'him, warm lamps above. A cardboard sign on the door reads "GESCHLOSSEN". The baker shapes a piece of '
                "dough, looks up towards the door, stops and lifts a floury hand. The camera stays still."
            ),
            "dialogue": [
                {
                    "speaker": "The grey-haired baker",
                    "manner": "says kindly, muffled by the glass",
                    "line": "We open at six, come back then.",
                }
            ],
            "sound": "Dough slaps softly on wood, an oven hums, and a single car passes on the wet street.",
        },
    ),
    Example(
        prompt="drone over a lighthouse, storm coming",
        first_frame=None,
        caption={
            "visual": (
                "An aerial wide shot approaches a white lighthouse on a narrow black headland. Dark clouds roll in "
                "from the left, and the last yellow light of the day lies on the tower. Waves climb the rocks and "
                "break into spray while the camera circles slowly to the right and the lamp begins to turn."
            ),
            "dialogue": [],
            "sound": "Strong wind, heavy waves that strike the rocks every few seconds, and distant thunder.",
        },
    ),
    Example(
        prompt='Two students on a bench. Green scarf: "Did you hear that?" The other one: "It was only the wind."',
        first_frame=None,
        caption={
            "visual": (
                "A medium two-shot shows two students side by side on a park bench at dusk, bare trees behind them, a "
                "street lamp at the right edge of the frame. The student in the green scarf raises her head from a "
                "book and turns to her companion, who wears a grey hood and keeps looking at the path."
            ),
            "dialogue": [
                {
                    "speaker": "The student in the green scarf",
                    "manner": "asks in a low voice",
                    "line": "Did you hear that?",
                },
                {
                    "speaker": "The student in the grey hood",
                    "manner": "answers calmly",
                    "line": "It was only the wind.",
                },
            ],
            "sound": "Dry leaves rustle along the path and a gust of wind rises and falls.",
        },
    ),
)
