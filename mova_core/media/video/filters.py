"""FFmpeg's filters over single frames, in one thread, so that the same frames give the same bytes everywhere."""

from collections.abc import Iterable
from fractions import Fraction

import av
from av.filter import Graph

Filter = tuple[str, str | None]


def video_graph(like: av.VideoFrame, time_base: Fraction | None, filters: Iterable[Filter]) -> Graph:
    """A graph that takes frames of this size and format, through filters given by name and arguments."""
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=like.width, height=like.height, format=like.format, time_base=time_base)
    line = [graph.add(name, arguments) for name, arguments in (*filters, ("buffersink", None))]
    graph.link_nodes(source, *line).configure()
    return graph
