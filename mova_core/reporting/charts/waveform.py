"""The loudness of a clip's audio along time, as a shape."""

from collections.abc import Sequence

from mova_core.reporting.charts.style import KEEP, bare_axes, styled, to_svg


def waveform_chart(peaks: Sequence[float]) -> str:
    """Draw one clip; `peaks` are the largest magnitudes, 0..1, of equal pieces of it."""
    with styled():
        figure, axes = bare_axes(240, 40)
        axes.set(xlim=(0, len(peaks) - 1), ylim=(-1, 1))
        axes.fill_between(range(len(peaks)), [-peak for peak in peaks], peaks, color=KEEP, linewidth=0.5)
    return to_svg(figure, "waveform", classes="wave")
