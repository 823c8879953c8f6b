"""Entries of the catalogue for metrics that need nothing but a clip: samples, pixels, and how both go together."""

from mova_core.evaluation.measuring.metric import (
    AMOUNT,
    ANY,
    DIFFERENCE,
    SHARE,
    GateKind,
    MetricSpec,
    Need,
    mean_of,
    mean_over_pairs,
)
from mova_core.evaluation.measuring.shuffled import within_class
from mova_core.evaluation.metrics import alignment, audio_signal, speech_quality, video_signal
from mova_core.evaluation.metrics.on_screen_text import text_accuracy

ALIGNMENT = (
    MetricSpec(
        "av_align",
        "AV-Align",
        "audio onsets and peaks of optical flow of at least 0.1 pixels that meet within one frame, one to one:"
        " intersection over union",
        *("higher", SHARE),
        source="arXiv:2309.16429, TempoTokens as it is now and the MOVA report's evaluation; flow of frames reduced to"
        " 90 pixels",
        version=2,
        ratio=mean_over_pairs(alignment.av_align),
        shuffle=within_class,
        needs=(Need.VIDEO,),
        gates=(GateKind.JOINT, GateKind.OTHER_FOOTAGE),
        swept=True,
        agreement="sync",
    ),
    MetricSpec(
        "av_align_many_to_one",
        "AV-Align, many to one",
        "the same with any number of onsets to one peak, and every peak however small: may exceed 1",
        *("higher", AMOUNT),
        source="arXiv:2309.16429, TempoTokens at its first release",
        ratio=mean_over_pairs(alignment.av_align_many_to_one),
        shuffle=within_class,
        needs=(Need.VIDEO,),
        chosen=True,
    ),
    MetricSpec(
        "onset_lag_s",
        "onset lag",
        "lag, without sign, at which the rise of the audio and the change of the optical flow correlate most, within"
        " ± 1 s",
        *("lower", AMOUNT),
        unit="s",
        ratio=mean_over_pairs(alignment.onset_lag_s),
        shuffle=within_class,
        needs=(Need.VIDEO,),
    ),
    MetricSpec(
        "av_align_over_shuffled",
        "AV-Align over shuffled pairs",
        "AV-Align less that of the same clips, paired wrongly within their class; 0 of a clip in which nothing is there"
        " to align",
        *("higher", DIFFERENCE),
        needs=(Need.VIDEO,),
        gates=(GateKind.JOINT, GateKind.OTHER_FOOTAGE),
    ),
    MetricSpec(
        "onset_lag_under_shuffled_s",
        "onset lag under shuffled pairs",
        "onset lag of the same clips, paired wrongly within their class, less their own; 1 s of a clip in which nothing"
        " moves or no audio rises",
        *("higher", DIFFERENCE),
        unit="s",
        needs=(Need.VIDEO,),
        gates=(GateKind.JOINT, GateKind.OTHER_FOOTAGE),
    ),
)
AUDIO = (
    MetricSpec(
        "loudness_lufs",
        "loudness",
        "integrated loudness",
        *("neither", ANY),
        unit="LUFS",
        source="ITU-R BS.1770-4, EBU Tech 3341",
        ratio=mean_of(audio_signal.loudness_lufs),
        chosen=True,
    ),
    MetricSpec(
        "loudness_range_lu",
        "loudness range",
        "between the 10th and the 95th percentile of the gated loudness of 3 s windows",
        *("neither", AMOUNT),
        unit="LU",
        source="EBU Tech 3342",
        ratio=mean_of(audio_signal.loudness_range_lu),
        chosen=True,
    ),
    MetricSpec(
        "true_peak_dbtp",
        "true peak",
        "highest level of the waveform between its samples",
        *("neither", ANY),
        unit="dBTP",
        source="ITU-R BS.1770-4, annex 2, EBU Tech 3341",
        ratio=mean_of(audio_signal.true_peak),
        chosen=True,
    ),
    MetricSpec(
        "rms_dbfs",
        "RMS level",
        "RMS level; a square wave of full scale has 0",
        *("neither", ANY),
        unit="dBFS",
        ratio=mean_of(audio_signal.rms_dbfs),
        chosen=True,
    ),
    MetricSpec(
        "silence_ratio",
        "silence",
        "share of 20 ms windows below -50 dBFS",
        *("lower", SHARE),
        ratio=mean_of(audio_signal.silence_ratio),
        chosen=True,
    ),
    MetricSpec(
        "bandwidth_hz",
        "bandwidth",
        "highest frequency within 60 dB of the strongest band of the long-term spectrum",
        *("higher", AMOUNT),
        unit="Hz",
        ratio=mean_of(audio_signal.bandwidth_hz),
        chosen=True,
    ),
    MetricSpec(
        "clipped_share",
        "clipped samples",
        "share of samples at full scale",
        *("lower", SHARE),
        ratio=mean_of(audio_signal.clipped_share),
        chosen=True,
    ),
    MetricSpec(
        "clipping_runs_hz",
        "clipping",
        "plateaus a second of 3 samples or more at the audio's own extremes, whatever their level",
        *("lower", AMOUNT),
        unit="1/s",
        ratio=mean_of(audio_signal.clipping_runs_hz),
        chosen=True,
    ),
)
VIDEO = (
    MetricSpec(
        "motion",
        "motion",
        "change of brightness of a cell, 24 along the shorter side, from frame to frame, as a share of white",
        *("neither", SHARE),
        ratio=mean_of(video_signal.motion),
        needs=(Need.VIDEO,),
        chosen=True,
    ),
    MetricSpec(
        "flow_speed",
        "flow",
        "length of the optical flow in shorter sides of the frame",
        *("neither", AMOUNT),
        unit="1/s",
        source="G. Farnebäck, 2003",
        ratio=mean_of(video_signal.flow_speed),
        needs=(Need.VIDEO,),
        chosen=True,
    ),
    MetricSpec(
        "frozen_share",
        "frozen frames",
        "share of frames that show what the one before did",
        *("lower", SHARE),
        ratio=mean_of(video_signal.frozen_share),
        needs=(Need.VIDEO,),
        chosen=True,
    ),
    MetricSpec(
        "flicker",
        "flicker",
        "distance of a frame's mean brightness from that of the frames beside it, as a share of white",
        *("lower", SHARE),
        source="flicker as P. van Roosmalen has it, 1999; by second differences here",
        ratio=mean_of(video_signal.flicker),
        needs=(Need.VIDEO,),
        chosen=True,
    ),
    MetricSpec(
        "text_accuracy",
        "on-screen text",
        "similarity of the texts that the suite wants on screen to the lines that are read best: 1 less the edit"
        " distance over the length",
        *("higher", SHARE),
        source="normalised edit distance as in AnyText, arXiv:2311.03054; read by PP-OCRv4",
        ratio=mean_of(text_accuracy),
        needs=(Need.VIDEO,),
        packages=("rapidocr_onnxruntime", "meeteval"),
        chosen=True,
    ),
    MetricSpec(
        "collapsed_share",
        "collapsed clips",
        "share of clips that are one flat colour, silent, clipped or no numbers: those that generation tries again",
        *("lower", SHARE),
        ratio=mean_of(video_signal.collapsed),
        needs=(Need.VIDEO,),
        gates=(GateKind.JOINT, GateKind.OTHER_FOOTAGE),
    ),
)
_P808 = "arXiv:2010.15258"
_P835 = "arXiv:2110.01763"
DNSMOS = tuple(
    MetricSpec(
        measure.__name__,
        label,
        f"{meaning}, of clips in which somebody speaks; about 1 to 5",
        *("higher", ANY),
        source=source,
        ratio=mean_of(measure),
        packages=("speechmos", "librosa"),
        chosen=True,
        only_set="set3",
    )
    for measure, label, meaning, source in (
        (speech_quality.dnsmos_p808, "DNSMOS P.808", "predicted overall opinion of the audio", _P808),
        (speech_quality.dnsmos_sig, "DNSMOS P.835 speech", "predicted opinion of the speech itself", _P835),
        (speech_quality.dnsmos_bak, "DNSMOS P.835 background", "predicted opinion of what is behind it", _P835),
        (speech_quality.dnsmos_ovrl, "DNSMOS P.835 overall", "predicted overall opinion", _P835),
    )
)
SIGNALS = (*ALIGNMENT, *AUDIO, *VIDEO, *DNSMOS)
