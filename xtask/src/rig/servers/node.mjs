// Answers 200, or 404 for /missing. Argument: {port, first, second, secondSuffix, sizes}; first and second are
// [certificate, key], the second for server names that end with the suffix; sizes are octets of answers, by path.
import { Buffer } from "node:buffer";
import fs from "node:fs";
import http2 from "node:http2";
import process from "node:process";
import tls from "node:tls";

const options = JSON.parse(process.argv[2]);
const files = ([certificate, key]) => ({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) });
const bodies = new Map(Object.entries(options.sizes).map(([path, size]) => [path, Buffer.alloc(size, "b")]));
const second = tls.createSecureContext(files(options.second));

const server = http2.createSecureServer({
  ...files(options.first),
  allowHTTP1: true,
  SNICallback: (name, done) => done(null, name.endsWith(options.secondSuffix) ? second : null),
});
server.on("request", (request, response) => {
  const body = bodies.get(request.url);
  if (body !== undefined) {
    response.writeHead(200, { "content-type": "text/plain", "content-length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
    return;
  }
  response.writeHead(request.url === "/missing" ? 404 : 200, { "content-type": "text/plain" });
  response.end(request.method === "HEAD" ? undefined : "ok\n");
});
server.keepAliveTimeout = 60_000;
server.listen(options.port, "127.0.0.1");
