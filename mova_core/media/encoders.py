"""What FFmpeg's video encoders need on top of one thread to give the same bytes each time, and where they fail.

Found by encoding the same frames again and again in memory that was written on before; the tests repeat it.
"""

REPEATABLE: dict[str, dict[str, str]] = {
    # x264's macroblock tree reads memory that it has not written at many small frame sizes.
    "libx264": {"mbtree": "0"},
    # x265 has threads of its own (frames, a pool) and writes the machine's instruction set into the stream (info).
    "libx265": {"x265-params": "pools=none:frame-threads=1:info=0:ctu=32:log-level=0"},
    # Its own threads too; SVT-AV1 gives the same bytes with any number of them.
    "libsvtav1": {"svtav1-params": "lp=1"},
}
# x265 writes outside its memory where a frame is less than two of its blocks (ctu) wide or high.
SMALLEST_SIDE_PX = {"libx265": 64}
