// Makes connections one after the other and prints each request, as one JSON object a line.
// Argument: {port, protocol, dials: [{sni, requests: [{method, authority, path}]}]}
import fs from "node:fs";
import http2 from "node:http2";
import https from "node:https";
import process from "node:process";

const options = JSON.parse(process.argv[2]);
const numbers = new WeakMap();

for (const dial of options.dials) {
  await (options.protocol === "h2" ? overHttp2(dial) : overHttp1(dial));
}

async function overHttp1(dial) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
  for (const request of dial.requests) {
    let answer = await ask(agent, dial.sni, request);
    if (answer.status === null) {
      // The server closed it unannounced, and nobody knows whether it read the request.
      report(dial.sni, request, answer, true);
      answer = await ask(agent, dial.sni, request);
    }
    report(dial.sni, request, answer, false);
  }
  agent.destroy();
}

function ask(agent, sni, { method, authority, path }) {
  return new Promise((done, fail) => {
    let addresses;
    const request = https.request({
      agent,
      host: "127.0.0.1",
      port: options.port,
      servername: sni ?? "",
      rejectUnauthorized: false,
      method,
      path,
      headers: { Host: authority },
    });
    request.on("socket", (socket) => {
      const note = () => {
        addresses = number(socket);
      };
      socket.connecting ? socket.once("secureConnect", note) : note();
    });
    request.on("response", (response) => {
      response.resume();
      response.on("end", () => done({ ...addresses, status: response.statusCode }));
    });
    request.on("error", (error) => {
      request.reusedSocket && error.code === "ECONNRESET" ? done({ ...addresses, status: null }) : fail(error);
    });
    request.end();
  });
}

async function overHttp2(dial) {
  const session = http2.connect(`https://127.0.0.1:${options.port}`, {
    servername: dial.sni ?? "",
    rejectUnauthorized: false,
  });
  await new Promise((done, fail) => session.once("connect", done).once("error", fail));
  const socket = session.socket;
  for (const request of dial.requests) {
    const addresses = number(socket);
    const status = await new Promise((done, fail) => {
      const stream = session.request({
        ":method": request.method,
        ":path": request.path,
        ":authority": request.authority,
      });
      let answer = null;
      stream.on("response", (headers) => {
        answer = headers[":status"];
      });
      stream.on("error", fail);
      stream.on("close", () => done(answer));
      stream.resume();
      stream.end();
    });
    report(dial.sni, request, { ...addresses, status }, false);
  }
  await new Promise((done) => session.close(done));
}

// Another request on this socket.
function number(socket) {
  const position = (numbers.get(socket) ?? 0) + 1;
  numbers.set(socket, position);
  return {
    local: `${socket.localAddress}:${socket.localPort}`,
    peer: `${socket.remoteAddress}:${socket.remotePort}`,
    request_number: position,
  };
}

function report(sni, { method, authority }, answer, abandoned) {
  const truth = {
    client: "node",
    pid: process.pid,
    exe: fs.readlinkSync("/proc/self/exe"),
    protocol: options.protocol,
    sni,
    authority: authority.replace(/:\d+$/, ""),
    method,
    ...answer,
    abandoned,
  };
  console.log(JSON.stringify(truth));
}
