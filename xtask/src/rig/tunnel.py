"""A proxy that is asked over TLS to tunnel: `tunnel.py PORT CERTIFICATE KEY`. It tunnels to whatever it is asked for."""

import socket
import ssl
import sys
import threading

LONGEST_HEAD = 65536


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side went away, and so does the tunnel.
        pass


def serve(connection, context):
    with context.wrap_socket(connection, server_side=True) as client:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < LONGEST_HEAD:
            data = client.recv(4096)
            if not data:
                return
            head += data
        host, port = head.split(b" ")[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            threading.Thread(target=pump, args=(client, server), daemon=True).start()
            pump(server, client)


def main():
    port, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, context), daemon=True).start()


main()
