"""Every metric, once: its name, what it means, its range, what it needs, which gates may ask for it.

To add one, write its function in a file of `metrics/` and its entry here or, for a group of them, in a file of
`specs/`; `measuring/metric.py` says what an entry is.
metrics.json, the sweep, the gates, the contract `evaluation`, the report, the Prefect artifacts and docs/metrics.md all
read this.
"""

from mova_core.evaluation.measuring.metric import AMOUNT, ANY, DIFFERENCE, SHARE, GateKind, MetricSpec, Need
from mova_core.evaluation.measuring.shuffled import across_all, within_class
from mova_core.evaluation.metrics.classes import audio_class, video_class
from mova_core.evaluation.metrics.loudness import audible_share, loudness_error_lu, loudness_within_data, rms_error_db
from mova_core.evaluation.metrics.sync import (
    desync_s,
    event_f1,
    event_rate_within_data,
    offset_s,
    onset_rate_within_data,
)
from mova_core.evaluation.specs.distributions import DISTRIBUTIONS
from mova_core.evaluation.specs.models import BY_MODELS
from mova_core.evaluation.specs.signals import SIGNALS
from mova_core.evaluation.specs.speech import SPEECH

SYNTHETIC, CAPTIONS = "synthetic", "captions"  # names of suites; only the first has known classes and events

_SPECS = (
    MetricSpec(
        "event_f1",
        "event F1",
        "F1 of video events (the floor flashes) and audio onsets that find each other within one frame (62 ms); a clip"
        " without events or onsets misses as many as the world has in its time",
        *("higher", SHARE),
        version=2,
        ratio=event_f1,
        shuffle=within_class,
        needs=(Need.VIDEO, Need.KNOWN_EVENTS),
        gates=(GateKind.JOINT,),
        headline=True,
        swept=True,
        agreement="sync",
    ),
    MetricSpec(
        "offset_s",
        "nearest offset",
        "mean time from a video event to the nearest audio onset, at most 0.6 s, which is that of a clip without events"
        " or onsets",
        *("lower", AMOUNT),
        unit="s",
        version=2,
        ratio=offset_s,
        shuffle=within_class,
        needs=(Need.VIDEO, Need.KNOWN_EVENTS),
        gates=(GateKind.JOINT,),
        headline=True,
        swept=True,
    ),
    MetricSpec(
        "desync_s",
        "DeSync (curves)",
        "shift, without sign, at which the clip's video and audio curves correlate most, within ± 0.6 s; 0.6 s for a"
        " clip without events or onsets",
        *("lower", AMOUNT),
        unit="s",
        version=2,
        ratio=desync_s,
        shuffle=within_class,
        needs=(Need.VIDEO, Need.KNOWN_EVENTS),
        gates=(GateKind.JOINT,),
        headline=True,
        swept=True,
    ),
    MetricSpec(
        "audio_class",
        "audio of the asked class",
        "share of clips whose audio is of the class that the text asked for",
        *("higher", SHARE),
        ratio=audio_class,
        shuffle=across_all,
        needs=(Need.KNOWN_EVENTS,),
        gates=(GateKind.AUDIO, GateKind.JOINT),
        headline=True,
        swept=True,
        agreement="text",
    ),
    MetricSpec(
        "video_class",
        "video of the asked class",
        "share of clips whose video is of the class that the text asked for",
        *("higher", SHARE),
        ratio=video_class,
        shuffle=across_all,
        needs=(Need.VIDEO, Need.KNOWN_EVENTS),
        gates=(GateKind.JOINT,),
        headline=True,
        swept=True,
        agreement="text",
    ),
    MetricSpec(
        "sync_gain",
        "event F1 gained by the Bridge",
        "event F1 with the Bridge less that without it, of the same noise",
        *("higher", DIFFERENCE),
        version=2,
        needs=(Need.VIDEO, Need.KNOWN_EVENTS),
        gates=(GateKind.JOINT,),
        headline=True,
    ),
    MetricSpec(
        "event_f1_over_shuffled",
        "event F1 over shuffled pairs",
        "event F1 less that of the same clips, paired wrongly within their class; clips without events or onsets are no"
        " wrong pair",
        *("higher", DIFFERENCE),
        version=2,
        needs=(Need.VIDEO, Need.KNOWN_EVENTS),
        gates=(GateKind.JOINT,),
    ),
    MetricSpec(
        "event_rate_within_data",
        "event rate as in the data",
        "share of clips whose video has from half to twice as many events a second as the middle 95 % of validation"
        " clips",
        *("higher", SHARE),
        ratio=event_rate_within_data,
        needs=(Need.VIDEO, Need.KNOWN_EVENTS, Need.VALIDATION_CLIPS),
        gates=(GateKind.JOINT,),
    ),
    MetricSpec(
        "onset_rate_within_data",
        "onset rate as in the data",
        "share of clips whose audio has from half to twice as many onsets a second as the middle 95 % of validation"
        " clips",
        *("higher", SHARE),
        ratio=onset_rate_within_data,
        needs=(Need.KNOWN_EVENTS, Need.VALIDATION_CLIPS),
        gates=(GateKind.AUDIO, GateKind.JOINT),
    ),
    MetricSpec(
        "loudness_error_lu",
        "loudness error",
        "distance of a clip's loudness from the mean of validation clips",
        *("lower", AMOUNT),
        unit="LU",
        ratio=loudness_error_lu,
        needs=(Need.VALIDATION_CLIPS,),
        gates=tuple(GateKind),
    ),
    MetricSpec(
        "loudness_within_data",
        "loudness as in the data",
        "share of clips whose loudness lies within the middle 95 % of validation clips, 3 LU wider at either end",
        *("higher", SHARE),
        ratio=loudness_within_data,
        needs=(Need.VALIDATION_CLIPS,),
        gates=tuple(GateKind),
    ),
    MetricSpec(
        "rms_error_db",
        "RMS error",
        "distance of a clip's RMS level from the mean of validation clips",
        *("lower", AMOUNT),
        unit="dB",
        ratio=rms_error_db,
        needs=(Need.VALIDATION_CLIPS,),
        gates=tuple(GateKind),
    ),
    MetricSpec(
        "audible_share",
        "audible clips",
        "share of clips louder than the limit of `assess`",
        *("higher", SHARE),
        version=2,
        ratio=audible_share,
        gates=tuple(GateKind),
    ),
    MetricSpec(
        "decodable_share",
        "decodable clips",
        "share of the written files that decode to all frames, with audio",
        *("higher", SHARE),
        gates=tuple(GateKind),
    ),
    MetricSpec(
        "validation_loss",
        "validation loss",
        "loss of the averaged weights on validation clips, as training measured it last",
        *("lower", AMOUNT),
        gates=tuple(GateKind),
    ),
    MetricSpec(
        "loss_gain_over_start",
        "loss gained by the phase",
        "loss of the weights that the phase started from less that of the averaged weights, on validation clips with"
        " the same noise",
        *("higher", ANY),
        gates=tuple(GateKind),
    ),
    MetricSpec(
        "loss_gain_by_bridge",
        "loss gained by the Bridge",
        "loss with the Bridge off less that with it, on validation clips with the same noise",
        *("higher", ANY),
        needs=(Need.VIDEO,),
        gates=(GateKind.JOINT, GateKind.OTHER_FOOTAGE),
    ),
    MetricSpec(
        "memorised_share",
        "memorised clips",
        "share of clips that are nearer to a training clip, in latents, than 95 % of held-out clips are",
        *("lower", SHARE),
        gates=tuple(GateKind),
    ),
    MetricSpec(
        "nearest_training_ratio",
        "distance to the nearest training clip",
        "distance to the nearest training clip, in latents, over the mean of held-out clips: 0 of a copy",
        *("neither", AMOUNT),
    ),
)
CATALOGUE = {spec.name: spec for spec in (*_SPECS, *SIGNALS, *SPEECH, *BY_MODELS, *DISTRIBUTIONS)}
HEADLINE = tuple(name for name, spec in CATALOGUE.items() if spec.headline)
SWEPT = tuple(name for name, spec in CATALOGUE.items() if spec.swept)
