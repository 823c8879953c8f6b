"""A free port is free, and a taken one says why it cannot be had."""

import socket

from mova_core.ports import free_port, obstacle


def test_a_free_port_can_be_listened_on_until_another_does():
    port = free_port()
    assert obstacle("127.0.0.1", port) is None
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert obstacle("127.0.0.1", port) == "Address already in use"
