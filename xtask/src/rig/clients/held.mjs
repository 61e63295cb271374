// One connection, held open, that makes requests when it is told to. Prints nothing; everything goes through the
// control connection: a line [{authority, path, literal}, …] asks for these requests, all at once over HTTP/2 and one
// after the other over HTTP/1.1, and is answered with as many lines, one JSON object each, of what came of them.
// Argument: {control, port, sni, protocol}
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import process from "node:process";
import readline from "node:readline";

const options = JSON.parse(process.argv[2]);
const control = net.connect({ port: options.control, host: "127.0.0.1", noDelay: true });
control.on("close", () => process.exit(0));
const target = { host: "127.0.0.1", port: options.port, servername: options.sni, rejectUnauthorized: false };

let made = 0;
let socket;

function report(authority, status, number) {
  const truth = {
    client: "node",
    pid: process.pid,
    protocol: options.protocol,
    sni: options.sni,
    authority,
    method: "GET",
    status,
    local: `${socket.localAddress}:${socket.localPort}`,
    peer: `${socket.remoteAddress}:${socket.remotePort}`,
    request_number: number,
  };
  control.write(`${JSON.stringify(truth)}\n`);
}

function http2Visitor() {
  const session = http2.connect(`https://127.0.0.1:${options.port}`, target);
  return ({ authority, path, literal }) =>
    new Promise((resolve, reject) => {
      const fields = { ":method": "GET", ":path": path, ":authority": authority };
      if (literal) {
        fields[http2.sensitiveHeaders] = [":authority"];
      }
      const stream = session.request(fields);
      let status = null;
      stream.on("response", (headers) => {
        status = headers[":status"];
      });
      stream.on("data", () => {});
      stream.on("error", reject);
      stream.on("close", () => {
        socket = session.socket;
        report(authority, status, (stream.id + 1) / 2);
        resolve();
      });
      stream.end();
    });
}

function http1Visitor() {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  return ({ authority, path }) =>
    new Promise((resolve, reject) => {
      const request = https.request({ ...target, agent, path, headers: { Host: authority } }, (response) => {
        socket ??= response.socket;
        if (socket !== response.socket) {
          reject(new Error("the server closed the connection"));
        }
        response.resume();
        response.on("end", () => {
          made += 1;
          report(authority, response.statusCode, made);
          resolve();
        });
      });
      request.on("error", reject);
      request.end();
    });
}

const visit = options.protocol === "h2" ? http2Visitor() : http1Visitor();
for await (const line of readline.createInterface({ input: control })) {
  await Promise.all(JSON.parse(line).map(visit));
}
