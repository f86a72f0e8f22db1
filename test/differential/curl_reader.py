"""curl as a reader of responses: fetches recorded bytes from a small server that plays them back."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading

from readers import Reading


class CurlReader:
    name = "curl"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="halfdoor-curl-")
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listening.getsockname()[1]
        self.data = {}
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listening.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def serve(self):
        """Each connection gets the bytes whose number stands in its target, and then its end."""
        while True:
            try:
                sock, _ = self.listening.accept()
            except OSError:
                return
            with sock:
                try:
                    sock.settimeout(10)
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += sock.recv(65536)
                    sock.sendall(self.data[int(head.split(b" ")[1][1:])])
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
                except (OSError, ValueError, KeyError):
                    pass

    def read_responses(self, responses):
        """For each (method, bytes): ([interim status], Reading)."""
        self.data = dict(enumerate(data for _, data in responses))
        lines = []
        for number, (method, _) in enumerate(responses):
            lines += [f'url = "http://127.0.0.1:{self.port}/{number}"', "http1.1", "silent", 'noproxy = "*"', "max-time = 20",
                      f'output = "{self.folder}/{number}.body"', f'dump-header = "{self.folder}/{number}.head"',
                      'header = "Connection: close"', f'write-out = "{number} %{{exitcode}} %{{http_code}}\\n"']
            lines += ["head"] if method == b"HEAD" else []
            lines.append("next")
        done = subprocess.run(["curl", "-q", "-K", "-"], input="\n".join(lines[:-1]).encode(), capture_output=True, check=False)
        codes = {}
        for line in done.stdout.decode().splitlines():
            number, code, status = line.split(" ")
            codes[int(number)] = (int(code), int(status))
        return [self.reading(number, method, codes.get(number, (99, 0))) for number, (method, _) in enumerate(responses)]

    def reading(self, number, method, codes):
        head = self.take(f"{number}.head")
        body = self.take(f"{number}.body")
        if method == b"HEAD":
            body = b""  # of such an answer curl writes the head there
        code, status = codes
        blocks = head.split(b"\r\n\r\n")
        interim, fields = [], []
        while blocks:
            lines = blocks.pop(0).split(b"\r\n")
            found = int(lines[0].split(b" ")[1]) if lines[0].startswith(b"HTTP/") else 0
            if found >= 200 or not found:
                fields = [(name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines[1:])]
                break
            interim.append(found)
        trailers = [(name.lower(), value.strip(b" \t"))
                    for name, colon, value in (line.partition(b":") for block in blocks for line in block.split(b"\r\n")) if colon]
        return interim, Reading(b"", status, fields, body, trailers, code == 0, None if code == 0 else f"curl exits with {code}")

    def take(self, name):
        path = os.path.join(self.folder, name)
        try:
            with open(path, "rb") as file:
                data = file.read()
            os.unlink(path)
            return data
        except FileNotFoundError:
            return b""
