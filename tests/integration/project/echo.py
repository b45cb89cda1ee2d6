"""A Deployment that holds WebSockets: says back what it hears."""

import os

from websockets.sync.server import ServerConnection, serve


def echo(socket: ServerConnection) -> None:
    for message in socket:
        socket.send(message)


with serve(echo, "127.0.0.1", int(os.environ["PORT"]), max_size=None) as server:
    server.serve_forever()
