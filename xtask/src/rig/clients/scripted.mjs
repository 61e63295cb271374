// Asks over HTTP/2 what it is told to ask, on the connections it is told to use, and after a 421 asks again as the kind
// of client does that it plays. Prints what it knows of each request, one JSON object a line.
// Argument: {port, requests, again, certificate}; requests: [{connection, sni, authority, method}, …], a connection being a name that
// stands for the same one each time; again: null, or {tries, connection: "fresh" or "same", sni: "own" or "same"};
// certificate: [certificate, key] to show where one is asked for, or null.
import fs from "node:fs";
import http2 from "node:http2";
import process from "node:process";

const options = JSON.parse(process.argv[2]);
const certificate = options.certificate
  ? { cert: fs.readFileSync(options.certificate[0]), key: fs.readFileSync(options.certificate[1]) }
  : {};
const sessions = new Map();

function dial(sni) {
  const session = http2.connect(`https://127.0.0.1:${options.port}`, {
    ...certificate,
    servername: sni,
    rejectUnauthorized: false,
  });
  session.sni = sni;
  return session;
}

function ask(session, method, authority) {
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({
      ":method": method,
      ":authority": authority,
      ...(method === "CONNECT" ? {} : { ":path": "/" }),
    });
    let status = null;
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.on("data", () => {});
    stream.on("error", reject);
    stream.on("close", () => {
      report(session, method, authority, status, stream.id);
      resolve(status);
    });
    stream.end();
  });
}

function report(session, method, authority, status, streamId) {
  const socket = session.socket;
  const truth = {
    client: "node",
    pid: process.pid,
    protocol: "h2",
    sni: session.sni,
    authority,
    method,
    status,
    local: `${socket.localAddress}:${socket.localPort}`,
    peer: `${socket.remoteAddress}:${socket.remotePort}`,
    // Client streams are 1, 3, 5, …: RFC 9113, section 5.1.1.
    request_number: (streamId + 1) / 2,
  };
  console.log(JSON.stringify(truth));
}

for (const { connection, sni, authority, method } of options.requests) {
  if (!sessions.has(connection)) {
    sessions.set(connection, dial(sni));
  }
  let session = sessions.get(connection);
  let status = await ask(session, method, authority);
  const again = options.again;
  for (let tried = 0; again && status === 421 && tried < again.tries; tried += 1) {
    if (again.connection === "fresh") {
      session = dial(again.sni === "own" ? authority : sni);
      // A name of its own: nothing else is asked on it.
      sessions.set(Symbol("again"), session);
    }
    status = await ask(session, method, authority);
  }
}
for (const session of sessions.values()) {
  session.close();
}
