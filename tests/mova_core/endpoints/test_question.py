"""Images and audio are sent as the chat protocol has them, and kept by their hash alone."""

import base64
import hashlib
import json

from mova_core.endpoints.answer import Answer
from mova_core.endpoints.question import Question, audio_part, image_part, media_message, message


class Nothing(Answer):
    pass


def test_media_are_parts_of_a_message():
    content = media_message(image_part(b"one", "jpeg"), audio_part(b"two"))["content"]
    assert content[0] == {
        "type": "image_url",
        "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(b"one").decode()},
    }
    assert content[1] == {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(b"two").decode(), "format": "wav"},
    }


def test_a_record_holds_hashes_in_their_place():
    asked = Question(
        "nothing", [message("system", "Listen."), media_message(image_part(b"1", "png"), audio_part(b"2"))], Nothing
    )
    text, media = asked.recorded()
    assert text == {"role": "system", "content": "Listen."}
    assert media["content"] == [
        {"image_sha256": hashlib.sha256(b"1").hexdigest()},
        {"audio_sha256": hashlib.sha256(b"2").hexdigest()},
    ]
    assert "base64" not in json.dumps(asked.recorded())
