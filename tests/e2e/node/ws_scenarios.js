// One scenario of a WebSocket client (npm's ws) through a router:  node ws_scenarios.js ADDRESS NAME
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const http = require('http');
const net = require('net');
const { once } = require('events');
const { WebSocket, Sender } = require('ws');

const [host, port] = process.argv[2].split(':');
let ids = 0;

function open(path, options = {}, protocols = []) {
  const id = `${process.pid}-${++ids}`;
  const url = `ws://${host}:${port}${path}${path.includes('?') ? '&' : '?'}id=${id}`;
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
  socket.id = id;
  socket.got = [];
  socket.waiters = [];
  socket.on('message', (data, binary) => {
    const message = binary ? data : data.toString();
    if (socket.waiters.length) socket.waiters.shift()(message); else socket.got.push(message);
  });
  return socket;
}

async function opened(path, options, protocols) {
  const socket = open(path, options, protocols);
  await once(socket, 'open');
  return socket;
}

function next(socket) {
  if (socket.got.length) return Promise.resolve(socket.got.shift());
  return new Promise((resolve, reject) => {
    socket.waiters.push(resolve);
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
  });
}

async function closed(socket) {
  const [code, reason] = await once(socket, 'close');
  return [code, reason.toString()];
}

function getJson(path) {
  return new Promise((resolve, reject) => http.get({ host, port, path, agent: false }, (response) => {
    let text = '';
    response.on('data', (piece) => { text += piece; });
    response.on('end', () => resolve(JSON.parse(text)));
  }).on('error', reject));
}

async function eventually(look) {
  for (const end = Date.now() + 10000; ;) {
    const seen = await look();
    if (seen) return seen;
    assert(Date.now() < end, 'late');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const sum = (data) => crypto.createHash('sha256').update(data).digest('hex');
const MASK = Buffer.from([1, 2, 3, 4]);
const maskedFrame = (text) => Buffer.concat(Sender.frame(Buffer.from(text), {
  fin: true, opcode: 1, mask: true, maskBuffer: MASK, generateMask: undefined, readOnly: false, rsv1: false }));

const UPGRADE = 'Host: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

// Sends bytes as they are; gives everything that came once `enough(text)` holds.
async function raw(bytes, enough) {
  const socket = net.connect(Number(port), host);
  let text = '';
  socket.on('data', (piece) => { text += piece.toString('latin1'); });
  socket.on('error', () => {});
  socket.write(bytes);
  await eventually(() => enough(text));
  return [text, socket];
}

const scenarios = {
  async text_and_binary() {
    const socket = await opened('/echo');
    for (const text of ['', 'a', 'grüße 漢字 🚀', 'x'.repeat(125), 'x'.repeat(126), 'é'.repeat(40000)]) {
      socket.send(text);
      assert.strictEqual(await next(socket), text);
    }
    for (const size of [0, 1, 125, 126, 127, 65535, 65536, 200000]) {
      const data = crypto.randomBytes(size);
      socket.send(data);
      const back = await next(socket);
      assert(Buffer.isBuffer(back));
      assert.strictEqual(sum(back), sum(data));
    }
    socket.close();
    await closed(socket);
  },

  async fragments() {
    const socket = await opened('/fragments');
    let pings = 0;
    socket.on('ping', () => { pings++; });
    const data = crypto.randomBytes(50000);
    for (let at = 0; at < data.length; at += 777) {
      if (at === 7770) socket.ping('client, between');
      socket.send(data.subarray(at, at + 777), { fin: at + 777 >= data.length });
    }
    assert.strictEqual(sum(await next(socket)), sum(data));
    assert.strictEqual(pings, 1);
    assert.strictEqual(await next(socket), 'pong:between');
    socket.send('te', { fin: false });
    socket.send('', { fin: false });
    socket.send('xt', { fin: true });
    assert.strictEqual(await next(socket), 'text');
    socket.close();
    await closed(socket);
  },

  async ping_and_pong_in_both_directions() {
    const socket = await opened('/echo');
    for (const data of ['', 'x', 'y'.repeat(125)]) {
      socket.ping(data);
      assert.strictEqual((await once(socket, 'pong'))[0].toString(), data);
    }
    socket.send('!ping');
    assert.strictEqual(await next(socket), 'pong:from the container');
    socket.close();
    await closed(socket);
  },

  async close_codes_in_both_directions() {
    for (const [code, reason] of [[1000, ''], [1001, 'away'], [1011, 'x'.repeat(123)], [3000, 'é'], [4999, 'last']]) {
      const mine = await opened('/echo');
      mine.close(code, reason);
      assert.deepStrictEqual(await closed(mine), [code, reason]);
      assert.deepStrictEqual(await eventually(async () => (await getJson(`/closes?id=${mine.id}`))[0]), [code, reason]);
      const theirs = open(`/close?code=${code}&reason=${encodeURIComponent(reason)}`);
      assert.deepStrictEqual(await closed(theirs), [code, reason]);
    }
    const nothing = await opened('/echo');
    nothing.close();
    assert.deepStrictEqual(await closed(nothing), [1005, '']);
  },

  async ends_without_a_close_frame() {
    assert.deepStrictEqual(await closed(open('/terminate')), [1006, '']);
    const mine = await opened('/echo');
    mine.send('there?');
    await next(mine);
    mine.terminate();
    assert.deepStrictEqual(await eventually(async () => (await getJson(`/closes?id=${mine.id}`))[0]), [1006, '']);
  },

  async mebibyte_frames() {
    const socket = await opened('/echo', { maxPayload: 64 << 20 });
    const sent = [];
    for (let i = 0; i < 16; i++) {
      const data = crypto.randomBytes(1 << 20);
      sent.push(sum(data));
      socket.send(data);
    }
    for (const wanted of sent) assert.strictEqual(sum(await next(socket)), wanted);
    const large = crypto.randomBytes(16 << 20);
    socket.send(large);
    assert.strictEqual(sum(await next(socket)), sum(large));
    socket.close();
    await closed(socket);
  },

  async early_bytes_are_held_until_the_101() {
    const request = `GET /slow?id=early HTTP/1.1\r\n${UPGRADE}\r\n`;
    const [text, socket] = await raw(Buffer.concat([Buffer.from(request), maskedFrame('first'), maskedFrame('second')]),
        (seen) => seen.includes('second'));
    assert.match(text, /^HTTP\/1\.1 101 /);
    assert.match(text, /\r\nx-early: 0\r\n/i);  // nothing came before the container's 101
    assert(text.endsWith('\x81\x05first\x81\x06second'), JSON.stringify(text));
    socket.destroy();
  },

  async refusal_is_an_ordinary_response() {
    const socket = open('/refuse');
    const [request, response] = await once(socket, 'unexpected-response');
    assert.strictEqual(response.statusCode, 403);
    let body = '';
    for await (const piece of response) body += piece;
    assert.strictEqual(body, 'refused');
    request.destroy();
    // The connection stays one of ordinary requests, and what came early is the next of them.
    const bytes = `GET /refuse HTTP/1.1\r\n${UPGRADE}\r\nGET /after HTTP/1.1\r\nHost: h\r\n\r\n`;
    const [text, raw1] = await raw(bytes, (seen) => seen.includes('/after'));
    assert.match(text, /^HTTP\/1\.1 403 [^]*\r\n\r\nrefusedHTTP\/1\.1 200 [^]*"target":"\/after"/);
    assert.doesNotMatch(text, /\r\nupgrade:/i);
    raw1.destroy();
  },

  async permessage_deflate() {
    const socket = await opened('/echo?deflate=1', { perMessageDeflate: { threshold: 0 }, maxPayload: 64 << 20 });
    assert.strictEqual(socket.extensions, 'permessage-deflate');
    for (const data of [Buffer.alloc(4 << 20, 'abc'), crypto.randomBytes(300000), Buffer.alloc(0)]) {
      socket.send(data);
      assert.strictEqual(sum(await next(socket)), sum(data));
    }
    socket.send('text '.repeat(100000));
    assert.strictEqual(await next(socket), 'text '.repeat(100000));
    socket.close(1000);
    assert.deepStrictEqual(await closed(socket), [1000, '']);
  },

  async handshake_fields() {
    const socket = await opened('/echo', { headers: { 'X-Kept': '1', Origin: 'http://shop.test' } }, ['one', 'two']);
    assert.strictEqual(socket.protocol, 'two');
    const raws = await getJson(`/seen?id=${socket.id}`);
    const fields = [];
    for (let i = 0; i < raws.length; i += 2) fields.push([raws[i].toLowerCase(), raws[i + 1]]);
    const all = (name) => fields.filter(([key]) => key === name).map(([, value]) => value);
    assert.deepStrictEqual(all('connection').map((v) => v.toLowerCase()), ['upgrade']);
    assert.deepStrictEqual(all('upgrade').map((v) => v.toLowerCase()), ['websocket']);
    assert.deepStrictEqual(all('sec-websocket-protocol'), ['one,two']);
    assert.deepStrictEqual(all('sec-websocket-version'), ['13']);
    assert.deepStrictEqual([all('x-kept'), all('origin')], [['1'], ['http://shop.test']]);
    socket.close();
    await closed(socket);
  },

  async many_at_once() {
    await Promise.all(Array.from({ length: 200 }, async (_, n) => {
      const socket = await opened('/echo');
      for (let i = 0; i < 20; i++) socket.send(`${n}/${i}`);
      for (let i = 0; i < 20; i++) assert.strictEqual(await next(socket), `${n}/${i}`);
      socket.close(4000 + n);
      assert.deepStrictEqual(await closed(socket), [4000 + n, '']);
    }));
  },

  // Prints "paused" and waits for a line on standard input: the test measures the router's memory meanwhile.
  async slow_client_gets_everything() {
    const bytes = 48 << 20;
    const socket = await opened(`/flood?bytes=${bytes}`);
    socket.pause();
    console.log('paused');
    await once(process.stdin, 'data');
    process.stdin.unref();
    let seen = 0;
    socket.on('message', (piece) => { assert.strictEqual(piece.readUInt32BE(), seen++); });
    socket.got = [];
    socket.resume();
    assert.deepStrictEqual(await closed(socket), [1000, '']);
    assert.strictEqual(seen, bytes / 65536);
  },
};

const name = process.argv[3];
if (name === '--list') {
  console.log(Object.keys(scenarios).join('\n'));
} else {
  scenarios[name]().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
}
