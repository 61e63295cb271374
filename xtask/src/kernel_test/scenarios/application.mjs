// An application with a list of the Hosts that it allows, compared letter by letter: others are answered 421.
// In clear text unless it has a certificate. Argument: {port, allowed, certificate: [certificate, key] or null}
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import process from "node:process";

const options = JSON.parse(process.argv[2]);

function answer(request, response) {
  const allowed = options.allowed.includes(request.headers.host);
  response.writeHead(allowed ? 200 : 421, { "content-type": "text/plain" });
  response.end(allowed ? "ok\n" : "Invalid Host header\n");
}

const [certificate, key] = (options.certificate ?? []).map((file) => fs.readFileSync(file));
const server = certificate ? https.createServer({ cert: certificate, key }, answer) : http.createServer(answer);
server.listen(options.port, "127.0.0.1");
