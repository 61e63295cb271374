"""Writes given octets on one TLS connection and prints which statuses came back, as one JSON object.

Argument: {port, sni, parts: [{text, responses}]}: each part is one write; then it waits until status lines
came `responses` times in all.
"""

import json
import os
import re
import socket
import ssl
import sys

STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d\d\d) ")


def main():
    options = json.loads(sys.argv[1])
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", options["port"]), timeout=20)
    local, peer = plain.getsockname(), plain.getpeername()
    received = b""
    with context.wrap_socket(plain, server_hostname=options["sni"]) as tls:
        for part in options["parts"]:
            tls.sendall(part["text"].encode("ascii"))
            while len(STATUS_LINE.findall(received)) < part["responses"]:
                chunk = tls.recv(16384)
                if not chunk:
                    sys.exit("the server closed the connection")
                received += chunk
    transcript = {
        "pid": os.getpid(),
        "local": "%s:%d" % local,
        "peer": "%s:%d" % peer,
        "statuses": [int(status) for status in STATUS_LINE.findall(received)],
    }
    print(json.dumps(transcript))


main()
