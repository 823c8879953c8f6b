"""Three accepted clips to caption, and an endpoint that answers all questions about them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mova_core.curation.tables import read_table, write_table
from mova_core.media.encode import write_media
from mova_core.params import CaptionParams, Params
from mova_core.places import DataFolder
from tests.mova_core.endpoints.model_server import Answer, ModelServer, completion

CLIPS = ("a", "b", "c")  # nobody speaks in the last one
RATE_HZ, FPS, FRAMES = 16_000, 16, 17
MODELS = {"vlm": "some-vlm", "llm": "some-llm", "alm": "some-alm"}
Given = Answer | Callable[[dict[str, Any]], Answer | None] | None


@dataclass
class Models:
    """What the endpoint answers, by the schema that is asked for; a function is given the request."""

    visual_description: Given = field(default_factory=lambda: visual("A man waves."))
    sound_description: Given = field(default_factory=lambda: completion({"sound": "Wind blows."}))
    merged_caption: Given = field(default_factory=lambda: merged("A man waves."))

    transcription: Given = field(default_factory=lambda: transcription("Hello there."))

    def __call__(self, body: dict[str, Any]) -> Answer | None:
        answer = getattr(self, _schema(body))
        return answer(body) if callable(answer) else answer


def _schema(body: Mapping[str, Any]) -> str:
    """Name of the schema that a request asks for; a form with a file asks for a transcription."""
    name: str = "transcription" if "file" in body else body["response_format"]["json_schema"]["name"]
    return name


def transcription(*lines: str) -> Answer:
    """Lines of one second each."""
    segments = [{"text": line, "start": float(at), "end": at + 1.0} for at, line in enumerate(lines)]
    return Answer(json.dumps({"text": " ".join(lines), "language": "english", "segments": segments}).encode())


def visual(text: str, *written: str) -> Answer:
    return completion({"visual": text, "on_screen_text": list(written)})


def merged(text: str, *lines: str, sound: str = "Wind blows.") -> Answer:
    said = [{"speaker": "The man", "manner": "says", "line": line} for line in lines]
    return completion({"visual": text, "dialogue": said, "sound": sound})


def asked(server: ModelServer, schema: str | None = None) -> list[dict[str, Any]]:
    """The requests of a schema, or all."""
    return [body for body in server.asked if schema in (None, _schema(body))]


def material(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the language model was given."""
    given: dict[str, Any] = json.loads(body["messages"][-1]["content"])
    return given


def frames_of(clip: str) -> np.ndarray:
    """Frames [F, 48, 64, 3] of one grey, which tells their number."""
    greys = 20 + 10 * np.arange(FRAMES) + CLIPS.index(clip)
    return np.broadcast_to(greys[:, None, None, None], (FRAMES, 48, 64, 3)).astype(np.uint8)


def audio_of(clip: str) -> np.ndarray:
    return (0.3 * np.sin(np.arange(RATE_HZ) / (5 + CLIPS.index(clip)))).astype(np.float32)


def params(**changes: Any) -> Params:
    return Params(caption=CaptionParams.model_validate({"kind": "model", "models": MODELS, **changes}))


def made(root: Path) -> DataFolder:
    """Footage, clips and tables as `assess` leaves them."""
    data = DataFolder(root / "data")
    data.clips.mkdir(parents=True)
    (root / "footage").mkdir()
    clips = []
    for clip in CLIPS:
        path = data.clips / f"{clip}.mp4"
        write_media(path, frames_of(clip), FPS, audio_of(clip), RATE_HZ, crf=4)
        clips.append(
            {
                "clip_id": clip,
                "window_id": clip,
                "source_id": clip,
                "path": path.name,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "orientation": "landscape",
                "frames": FRAMES,
                "fps": float(FPS),
                "audio_rate_hz": RATE_HZ,
            }
        )
        (root / "footage" / f"{clip}.mp4").write_bytes(b"media")
    ids = [{"source_id": clip} for clip in CLIPS]
    accepted = {"verdict": "accepted"}
    measures = {"motion": 0.02, "lufs": -12.0, "black_share": 0.0, "text_share": 0.0, "rejections": {}}
    shares = {"speech_share": 0.5}, {"speech_share": None}, {"speech_share": 0.0}
    tables = {
        "sources": [row | accepted | {"path": f"{row['source_id']}.mp4"} for row in ids],
        "segments": [row | {"cuts_s": []} for row in ids],
        "windows": [row | {"window_id": row["source_id"], "start_s": 0.0, "end_s": 1.0} for row in ids],
        "clips": clips,
        "verdicts": [
            {"clip_id": clip} | accepted | measures | share for clip, share in zip(CLIPS, shares, strict=True)
        ],
    }
    for name, rows in tables.items():
        write_table(data.table(name), name, rows)
    return data


def captions(data: DataFolder) -> dict[str, dict[str, Any]]:
    """Rows of the table by clip."""
    return {row["clip_id"]: row for row in read_table(data.table("captions"), "captions")}


def about(clip: str, answer: Answer | None, otherwise: Answer) -> Callable[[dict[str, Any]], Answer | None]:
    """An answer to questions about the frames or the audio of one clip, where clips are asked about one by one."""
    order: list[str] = []

    def answers(body: dict[str, Any]) -> Answer | None:
        media = str(body["messages"][-1]["content"])
        if media not in order:
            order.append(media)
        return answer if order.index(media) == CLIPS.index(clip) else otherwise

    return answers
