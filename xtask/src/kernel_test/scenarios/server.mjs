// Serves any name over HTTP/2 and HTTP/1.1, unless the lines that stand in the place of the mark say otherwise.
// Argument: {port, certificate: [certificate, key]}
import fs from "node:fs";
import http2 from "node:http2";
import process from "node:process";

const options = JSON.parse(process.argv[2]);
const [cert, key] = options.certificate.map((file) => fs.readFileSync(file));
const server = http2.createSecureServer({ cert, key, allowHTTP1: true });
server.on("request", (req, res) => {
// LINES
  res.writeHead(200, { "content-type": "text/plain" });
  res.end("ok\n");
});
server.listen(options.port, "127.0.0.1");
