"""The driver's side of the control port: one connection, from rank 0."""
import socket
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Connection,
    answer_challenge,
    deliver_challenge,
)

# Clients that wait to be authenticated; of more the oldest is turned away.
MOST_CLIENTS = 256


class ControlPort:
    """Listens until one client has shown that it holds the key.

    Each client is authenticated in a thread of its own, so that none that is
    silent, slow or wrong keeps rank 0 waiting. Nothing is unpickled before.

    Attributes
    ----------
    address : (host, port)
    connection : multiprocessing.connection.Connection or None
        The authenticated one.
    """

    def __init__(self, host, key):
        self._socket = socket.create_server((host, 0), backlog=MOST_CLIENTS)
        self._key, self._lock, self._waiting = key, threading.Lock(), {}
        self.address, self.connection = self._socket.getsockname(), None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._socket.accept()
            except ConnectionAbortedError:
                continue
            except OSError:  # closed
                return
            with self._lock:
                if len(self._waiting) >= MOST_CLIENTS:
                    oldest = next(iter(self._waiting))
                    del self._waiting[oldest]
                    _turn_away(oldest)
                self._waiting[client] = None
            threading.Thread(target=self._authenticate, args=(client,),
                             daemon=True).start()

    def _authenticate(self, client):
        connection = Connection(client.dup().detach())
        try:
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            accepted = True
        except (AuthenticationError, EOFError, OSError, ValueError):
            accepted = False
        with self._lock:
            self._waiting.pop(client, None)
            client.close()
            if accepted and self.connection is None:
                self.connection = connection
                return
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Turn away whoever is not authenticated; their threads end."""
        with self._lock:
            for each in (self._socket, *self._waiting):
                _turn_away(each)
        self._socket.close()


def _turn_away(client):
    """Wake the thread that waits in a socket, and end it."""
    try:
        client.shutdown(socket.SHUT_RDWR)
    except OSError:  # gone
        pass
