// One HTTP/2 connection with several requests at once. Prints what it knows of each, one JSON object a line.
// Argument: {port, sni, authorities, paths, requests, concurrency}
import http2 from "node:http2";
import process from "node:process";

const options = JSON.parse(process.argv[2]);
const session = http2.connect(`https://127.0.0.1:${options.port}`, {
  servername: options.sni ?? "",
  rejectUnauthorized: false,
});
session.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});

let started = 0;
let ended = 0;

function start() {
  const authority = options.authorities[started % options.authorities.length];
  const path = options.paths[started % options.paths.length];
  started += 1;
  const stream = session.request({ ":method": "GET", ":path": path, ":authority": authority });
  let status = null;
  stream.on("response", (headers) => {
    status = headers[":status"];
  });
  stream.on("data", () => {});
  stream.on("error", (error) => console.error(error.message));
  stream.on("close", () => {
    report(authority, status, stream.id);
    ended += 1;
    if (started < options.requests) {
      start();
    } else if (ended === options.requests) {
      session.close();
    }
  });
  stream.end();
}

function report(authority, status, streamId) {
  const socket = session.socket;
  const truth = {
    client: "node",
    pid: process.pid,
    protocol: "h2",
    sni: options.sni ?? null,
    authority: authority.replace(/:\d+$/, ""),
    method: "GET",
    status,
    local: `${socket.localAddress}:${socket.localPort}`,
    peer: `${socket.remoteAddress}:${socket.remotePort}`,
    // Client streams are 1, 3, 5, …: RFC 9113, section 5.1.1.
    request_number: (streamId + 1) / 2,
  };
  console.log(JSON.stringify(truth));
}

session.on("connect", () => {
  const first = Math.min(options.concurrency, options.requests);
  for (let index = 0; index < first; index += 1) {
    start();
  }
});
