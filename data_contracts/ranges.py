"""What a measure of a clip can be at all: beyond it the measure is wrong, not the clip."""

from mova_core.curation.tables import MEASURES

ALWAYS_MEASURED = MEASURES[: MEASURES.index("speech_share") + 1]
SHARES = (
    *("silence_ratio", "clipped_share", "black_share", "frozen_share", "speech_share", "brightness", "av_align"),
    *("text_share", "subtitle_share", "eat_speech", "eat_singing"),
)
RANGES = {
    **dict.fromkeys(SHARES, (0, 1)),
    "lufs": (-150, 30),
    "motion": (0, 255),
    "noise_sd": (0, 255),
    "loudness_range_lu": (0, 100),
    "blur_px": (0, 10_000),
    "blocking": (0, 1e9),  # a ratio: drawn blocks on a flat ground have no bound
    "flow_speed": (0, 1000),
    "onset_lag_s": (-1, 1),
    **dict.fromkeys(("dnsmos_p808", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl"), (0, 6)),
    "audiobox_pq": (0, 10),
    "audiobox_cu": (0, 10),
    "audiobox_ce": (0, 10),
    "dover_aesthetic": (0, 1),
    "dover_technical": (0, 1),
    "imagebind": (-1, 1),
    "desync_s": (0, 10),
    "lse_d": (0, 100),
    "lse_c": (-100, 100),
}
