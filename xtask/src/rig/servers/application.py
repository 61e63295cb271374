"""Answers 200, or 404 for /missing: once for ASGI, once for WSGI."""


async def asgi(scope, _receive, send):
    if scope["type"] != "http":
        return
    status = 404 if scope["path"] == "/missing" else 200
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"ok\n"})


def wsgi(environment, start_response):
    status = "404 Not Found" if environment["PATH_INFO"] == "/missing" else "200 OK"
    start_response(status, [("Content-Length", "3")])
    return [b"" if environment["REQUEST_METHOD"] == "HEAD" else b"ok\n"]
