"""Quality of the speech in a clip: DNSMOS P.808 and P.835 (package speechmos, the models inside it).

Mean opinion scores, 1 (bad) to 5 (excellent): P.808 overall; P.835 signal, background and overall. They are trained on
speech, so a clip without any has none. Audio is 16 kHz; a clip shorter than the model's 9.01 s is repeated, as the
package does.
Sources: C. Reddy and others, "DNSMOS" (arXiv:2010.15258) and "DNSMOS P.835" (arXiv:2110.01763).
"""

from functools import cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Unavailable
from mova_core.measures.mel_spectrogram import mel_spectrogram_db

RATE_HZ = 16_000
SCORES = {
    "dnsmos_p808": "p808_mos",
    "dnsmos_sig": "sig_mos",
    "dnsmos_bak": "bak_mos",
    "dnsmos_ovrl": "ovrl_mos",
}


def dnsmos(
    audio: NDArray[np.float32], rate_hz: int, speech_share: float | None
) -> dict[str, float] | dict[str, Unavailable]:
    """The four scores.

    Args:
        audio: mono float32 [S] in -1..1.
        rate_hz: samples per second.
        speech_share: share of the clip that lies in speech; None = not known.
    """
    if not speech_share:
        reason = "it is not known whether anybody speaks" if speech_share is None else "nobody speaks"
        return dict.fromkeys(SCORES, Unavailable(reason))
    from scipy.signal import resample_poly

    common = gcd(RATE_HZ, rate_hz)
    resampled = resample_poly(audio, RATE_HZ // common, rate_hz // common).astype(np.float32).clip(-1, 1)
    scores = _model()(resampled, RATE_HZ, False)
    return {measure: float(scores[name]) for measure, name in SCORES.items()}


@cache
def _model() -> Any:
    """The packaged models, once a process, as the package loads them but for one thread each and the spectrogram."""
    import onnxruntime
    from speechmos import dnsmos as packaged

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers are the parallelism
    folder = Path(packaged.__file__).parent / "dnsmos_models"
    model = packaged.DNSMOS.__new__(packaged.DNSMOS)
    model.onnx_sess = onnxruntime.InferenceSession(str(folder / "sig_bak_ovr.onnx"), options)
    model.p808_onnx_sess = onnxruntime.InferenceSession(str(folder / "model_v8.onnx"), options)
    model.audio_melspec = _spectrogram
    return model


def _spectrogram(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the P.808 model reads: [frames, 120] mel bands, 1 at the largest and -1 at 80 dB below it.

    A window has 321 samples: that is the package's own, and what the model was trained on.
    """
    decibels = mel_spectrogram_db(audio, RATE_HZ, window=321, hop=160, bands=120)
    return ((decibels - decibels.max() + 40) / 40).T
