"""What is asked about two clips: five questions, each answered by the left one, the right one or a tie.

The MOVA report (arXiv:2602.08794, human evaluation) has pairs of clips compared in five dimensions. Its public sources
do not print their names, so these are ours: what the report measures by numbers (video, audio, how both meet, the
text), and an overall preference, which its published Elo scores are of.
"""

from dataclasses import dataclass

CHOICES = ("a", "tie", "b")


@dataclass(frozen=True, slots=True)
class Dimension:
    """One question.

    Args:
        name: in tables and in JSON.
        label: what a page shows.
        question: what to compare, one sentence.
    """

    name: str
    label: str
    question: str


DIMENSIONS = (
    Dimension("video_quality", "Video quality", "Which video is sharper, steadier and freer of faults?"),
    Dimension("audio_quality", "Audio quality", "Which audio is clearer and more natural?"),
    Dimension("audio_video_sync", "Audio and video", "Where do lips, events and their audio agree better?"),
    Dimension("prompt_following", "Follows the text", "Which clip shows and plays more of what the text asks for?"),
    Dimension("overall", "Overall", "Which clip is better, all in all?"),
)
OVERALL = "overall"
