// Answers 200, or 404 for /missing. Argument: {port, first, second, secondSuffix}; first and second are
// [certificate, key], the second for server names that end with the suffix.
import fs from "node:fs";
import http2 from "node:http2";
import process from "node:process";
import tls from "node:tls";

const options = JSON.parse(process.argv[2]);
const files = ([certificate, key]) => ({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) });
const second = tls.createSecureContext(files(options.second));

const server = http2.createSecureServer({
  ...files(options.first),
  allowHTTP1: true,
  SNICallback: (name, done) => done(null, name.endsWith(options.secondSuffix) ? second : null),
});
server.on("request", (request, response) => {
  response.writeHead(request.url === "/missing" ? 404 : 200, { "content-type": "text/plain" });
  response.end(request.method === "HEAD" ? undefined : "ok\n");
});
server.keepAliveTimeout = 60_000;
server.listen(options.port, "127.0.0.1");
