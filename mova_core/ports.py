"""Ports of this machine: a free one, and what keeps a program from one."""

import socket


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])


def obstacle(host: str, port: int) -> str | None:
    """Why a server could not listen there, as the system says it; None if it could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a closed one may linger
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
