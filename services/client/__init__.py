"""A client of the video API: `VideoClient(url).create("A red ball bounces.")`."""

from services.client.client import ServiceRefused, ServiceUnreachable, VideoClient
from services.client.video import Video

__all__ = ["ServiceRefused", "ServiceUnreachable", "Video", "VideoClient"]
