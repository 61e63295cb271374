"""Makes connections with curl_cffi and prints each, as one JSON object a line.

Argument: {port, visits: [{sni, transport}]}, the transport being tcp or quic.
"""

import json
import os
import sys

from curl_cffi import CurlHttpVersion, CurlOpt, requests

VERSIONS = {"quic": CurlHttpVersion.V3ONLY, "tcp": CurlHttpVersion.V2_0}


def main():
    options = json.loads(sys.argv[1])
    port = options["port"]
    for visit in options["visits"]:
        with requests.Session(
            http_version=VERSIONS[visit["transport"]],
            verify=False,
            timeout=30,
            curl_options={CurlOpt.RESOLVE: ["%s:%d:127.0.0.1" % (visit["sni"], port)]},
        ) as session:
            response = session.get("https://%s:%d/" % (visit["sni"], port))
        made = {
            "sni": visit["sni"],
            "transport": "quic" if response.http_version in (CurlHttpVersion.V3, CurlHttpVersion.V3ONLY) else "tcp",
            "pid": os.getpid(),
            "status": response.status_code,
            "local": "%s:%d" % (response.local_ip, response.local_port),
        }
        print(json.dumps(made))


main()
