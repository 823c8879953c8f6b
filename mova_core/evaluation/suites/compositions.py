"""Suite `synthetic-compositions`: a shape of one class that sounds like another, which no footage ever holds.

Every take of the synthetic world has the note of its own shape, so no caption of training names a shape with the note
of another: the twelve pairs are held out whatever was trained on. Video and audio are judged apart, each by its own
class (`video_class`, `audio_class`). A model that recalls whole captions makes both of one class, and one of the two
is wrong; a model that follows the text gets both right. Events are known as in suite `synthetic`.
"""

from mova_core.curation.caption.templates import SYNTHETIC_CLASSES
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.measures.clip import Asked
from mova_core.sampling.request.wanted import Wanted
from mova_core.synthetic.world import KINDS

SEEDS = tuple(range(91_000, 91_004))  # of the noise: not those of suite `synthetic`


def compositions() -> tuple[SuiteItem, ...]:
    """The twelve pairs with each seed: first all pairs of the first seed."""
    pairs = [(video, audio) for video in KINDS for audio in KINDS if video != audio]
    return tuple(_item(video, audio, seed) for seed in SEEDS for video, audio in pairs)


def _item(video: str, audio: str, seed: int) -> SuiteItem:
    prompt = CAPTION_OF[video].replace(SYNTHETIC_CLASSES[video].audio, SYNTHETIC_CLASSES[audio].audio)
    name = f"{video}-sounds-{audio}-{seed}"
    return SuiteItem(Wanted(name, prompt, seed), Asked(prompt=prompt, label=video, audio_label=audio))
