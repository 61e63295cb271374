"""Makes connections with requests and prints each request, as one JSON object a line.

Argument: {port, protocol, dials: [{sni, requests: [{method, authority, path}]}]}.
"""

import json
import os
import sys

import requests
import urllib3
from requests.adapters import HTTPAdapter


class Connection(urllib3.connection.HTTPSConnection):
    """Remembers its addresses, and how many requests it has sent."""

    latest = None
    number = 0

    def connect(self):
        super().connect()
        self.number = 0
        self.addresses = ["%s:%d" % pair for pair in (self.sock.getsockname(), self.sock.getpeername())]

    def request(self, *arguments, **options):
        Connection.latest = self
        super().request(*arguments, **options)
        self.number += 1


class Adapter(HTTPAdapter):
    """Sends a server name of its own, or none."""

    def __init__(self, sni):
        self.sni = sni
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments, **options):
        if self.sni is not None:
            options["server_hostname"] = self.sni
        super().init_poolmanager(*arguments, assert_hostname=False, **options)


def main():
    options = json.loads(sys.argv[1])
    urllib3.disable_warnings()
    urllib3.HTTPSConnectionPool.ConnectionCls = Connection
    for dial in options["dials"]:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("https://", Adapter(dial["sni"]))
            for request in dial["requests"]:
                make(session, options, dial["sni"], request)


def make(session, options, sni, request):
    url = "https://127.0.0.1:%d%s" % (options["port"], request["path"])
    headers = {"Host": request["authority"]}
    send = lambda: session.request(
        request["method"], url, headers=headers, verify=False, timeout=30, allow_redirects=False
    )
    try:
        response = send()
    except requests.ConnectionError:
        if Connection.latest.number < 2:
            raise
        # The server closed it unannounced, and nobody knows whether it read the request.
        report(options, sni, request, None)
        response = send()
    report(options, sni, request, response.status_code)


def report(options, sni, request, status):
    connection = Connection.latest
    truth = {
        "client": "requests",
        "pid": os.getpid(),
        "exe": os.readlink("/proc/self/exe"),
        "protocol": options["protocol"],
        "sni": sni,
        "authority": request["authority"].split(":")[0],
        "method": request["method"],
        "status": status,
        "local": connection.addresses[0],
        "peer": connection.addresses[1],
        "request_number": connection.number,
        "abandoned": status is None,
    }
    print(json.dumps(truth))


main()
