// A feature container that speaks WebSocket with npm's ws:  node ws_container.js PORTS_FILE
//
//   /echo                every message back as it came; a text "!ping" pings the client and says "pong:DATA" when it answers
//   /fragments           each message back in pieces of 1000 bytes, with a ping between two of them
//   /close?code&reason   closes like that at once; /terminate: ends without a close frame
//   /flood?bytes         that many bytes in messages of 64 KiB, each with its number in front
//   /slow                the 101 comes 300 ms late and says in X-Early what had come by then; then /echo
//   /refuse              403 with a body
//   GET /closes?id       JSON list of what [code, reason] clients of ?id= closed with;  GET /seen?id: the upgrade's headers
'use strict';
const fs = require('fs');
const http = require('http');
const { WebSocketServer } = require('ws');

const options = { noServer: true, maxPayload: 64 << 20, handleProtocols: (offered) => [...offered].pop() };
const plain = new WebSocketServer({ ...options, perMessageDeflate: false });
const deflating = new WebSocketServer({ ...options, perMessageDeflate: { threshold: 0 } });
const closes = {};
const seen = {};

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  const table = { '/closes': closes, '/seen': seen }[url.pathname];
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(table ? table[url.searchParams.get('id')] || [] : { target: request.url }));
});

function serve(socket, url) {
  const ask = url.searchParams;
  const id = ask.get('id');
  socket.on('close', (code, reason) => { (closes[id] = closes[id] || []).push([code, reason.toString()]); });
  socket.on('error', () => {});
  if (url.pathname === '/close') return socket.close(Number(ask.get('code')), ask.get('reason') || '');
  if (url.pathname === '/terminate') return socket.terminate();
  if (url.pathname === '/flood') return flood(socket, Number(ask.get('bytes')));
  socket.on('pong', (data) => socket.send(`pong:${data}`));
  socket.on('message', (data, binary) => {
    if (!binary && data.toString() === '!ping') return socket.ping('from the container');
    if (url.pathname !== '/fragments') return socket.send(data, { binary });
    for (let at = 0; at < data.length; at += 1000) {
      if (at === 1000) socket.ping('between');
      socket.send(data.subarray(at, at + 1000), { binary, fin: at + 1000 >= data.length });
    }
  });
}

function flood(socket, bytes) {
  const size = 65536;
  let n = 0;
  const next = () => {
    if (n * size >= bytes) return socket.close(1000);
    const piece = Buffer.alloc(size, n & 255);
    piece.writeUInt32BE(n++);
    socket.send(piece, next);
  };
  next();
}

server.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url, 'http://x');
  const id = url.searchParams.get('id');
  seen[id] = request.rawHeaders;
  if (url.pathname === '/refuse') {
    return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\nConnection: close\r\n\r\nrefused');
  }
  const which = url.searchParams.has('deflate') ? deflating : plain;
  if (url.pathname !== '/slow') return which.handleUpgrade(request, socket, head, (ws) => serve(ws, url));
  const early = [head];
  const keep = (piece) => early.push(piece);
  socket.on('data', keep);
  setTimeout(() => {
    socket.off('data', keep);
    const bytes = Buffer.concat(early);
    which.once('headers', (headers) => headers.push(`X-Early: ${bytes.length}`));
    which.handleUpgrade(request, socket, bytes, (ws) => serve(ws, url));
  }, 300);
});

server.listen(0, '127.0.0.1', () => {
  const file = process.argv[2];
  fs.writeFileSync(`${file}.new`, JSON.stringify({ address: `127.0.0.1:${server.address().port}` }));
  fs.renameSync(`${file}.new`, file);
});
