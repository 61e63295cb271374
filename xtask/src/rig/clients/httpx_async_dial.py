"""Makes connections with httpx on asyncio and prints each request, as one JSON object a line.

Argument: {port, protocol, dials: [{sni, requests: [{method, authority, path}]}]}.
"""

import asyncio
import json
import os
import ssl
import sys
from collections import Counter

import httpx


class Context(ssl.SSLContext):
    """Verifies nothing, and offers one protocol where httpx would offer both: servers may prefer the other."""

    def __new__(cls, _offered):
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def __init__(self, offered):
        self.offered = offered

    def set_alpn_protocols(self, _protocols):
        super().set_alpn_protocols([self.offered])


async def main():
    options = json.loads(sys.argv[1])
    http2 = options["protocol"] == "h2"
    for dial in options["dials"]:
        numbers = Counter()
        client = httpx.AsyncClient(
            http1=not http2, http2=http2, verify=Context(options["protocol"]), trust_env=False, timeout=30
        )
        async with client:
            for request in dial["requests"]:
                await make(client, options, dial["sni"], request, numbers)


async def make(client, options, sni, request, numbers):
    async with client.stream(
        request["method"],
        "https://127.0.0.1:%d%s" % (options["port"], request["path"]),
        headers={"Host": request["authority"]},
        extensions={} if sni is None else {"sni_hostname": sni},
    ) as response:
        stream = response.extensions["network_stream"]
        local, peer = ("%s:%d" % stream.get_extra_info(end) for end in ("client_addr", "server_addr"))
        await response.aread()
    numbers[local] += 1
    truth = {
        "client": "httpx-async",
        "pid": os.getpid(),
        "exe": os.readlink("/proc/self/exe"),
        "protocol": {"HTTP/1.1": "http/1.1", "HTTP/2": "h2"}[response.http_version],
        "sni": sni,
        "authority": request["authority"].split(":")[0],
        "method": request["method"],
        "status": response.status_code,
        "local": local,
        "peer": peer,
        "request_number": numbers[local],
    }
    print(json.dumps(truth))


asyncio.run(main())
