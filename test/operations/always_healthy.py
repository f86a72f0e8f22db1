"""A responder for checks of health, beside hosts that must not see any."""

import socket
import threading


def answer_checks(listening):
    while True:
        try:
            connection = listening.accept()[0]
            connection.settimeout(1)
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        except OSError:
            pass


def start():
    """Answers every check with 200 until the end of this process, in a thread; returns the port, for health.port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    threading.Thread(target=answer_checks, args=(listening,), daemon=True).start()
    return listening.getsockname()[1]
