"""One HTTP/1.1 connection, held open, that makes requests when it is told to.

Argument: {control, port, sni}. A line [{authority, path}, ...] on the control connection asks for these requests, one
after the other, and is answered with as many lines, one JSON object each, of what came of them.
"""

import http.client
import json
import os
import socket
import ssl
import sys


def main():
    options = json.loads(sys.argv[1])
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", options["port"]), timeout=20)
    local, peer = plain.getsockname(), plain.getpeername()
    connection = http.client.HTTPConnection("127.0.0.1", options["port"])
    connection.sock = context.wrap_socket(plain, server_hostname=options["sni"])
    control = socket.create_connection(("127.0.0.1", options["control"]))
    made = 0
    for line in control.makefile("r"):
        for visit in json.loads(line):
            connection.request("GET", visit["path"], headers={"Host": visit["authority"]})
            response = connection.getresponse()
            response.read()
            made += 1
            truth = {
                "client": "python",
                "pid": os.getpid(),
                "protocol": "http/1.1",
                "sni": options["sni"],
                "authority": visit["authority"],
                "method": "GET",
                "status": response.status,
                "local": "%s:%d" % local,
                "peer": "%s:%d" % peer,
                "request_number": made,
            }
            control.sendall(json.dumps(truth).encode() + b"\n")


main()
