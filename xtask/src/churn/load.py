"""Makes short TLS connections with one request each, and prints each as one JSON object a line.

Argument: {port, names, threads}. Times are nanoseconds of CLOCK_MONOTONIC.
"""

import json
import os
import socket
import ssl
import sys
import threading
import time

options = json.loads(sys.stdin.readline())
pending = iter(enumerate(options["names"]))
lock = threading.Lock()


def main():
    threads = [threading.Thread(target=work) for _ in range(options["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def work():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    while True:
        with lock:
            number, name = next(pending, (None, None))
        if name is None:
            return
        made = make(context, name)
        with lock:
            print(json.dumps({"number": number, "pid": os.getpid(), **made}), flush=True)


def make(context, name):
    started = time.monotonic_ns()
    plain = socket.create_connection(("127.0.0.1", options["port"]), timeout=30)
    local = "%s:%d" % plain.getsockname()
    with context.wrap_socket(plain, server_hostname=name) as tls:
        tls.sendall(("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % name).encode())
        answer = b""
        while chunk := tls.recv(16384):
            answer += chunk
    status = int(answer.split(b" ", 2)[1])
    return {"local": local, "status": status, "started": started}


main()
