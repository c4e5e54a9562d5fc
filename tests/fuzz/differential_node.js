// Mutates the messages of tests/proxy/http/messages.jsonl and compares what our decoders make of them with Node's parser
// (llhttp): is the message accepted, into how many messages are the bytes cut, what are their bodies. Every difference belongs to
// a class of differential_classes.js, which docs/http.md explains; one that belongs to none fails.
//
//   node tests/fuzz/differential_node.js PATH-TO/h1_outcomes [COUNT [SEED]]
'use strict';
const { HTTPParser } = require('_http_common');
const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { classes, differenceOf, seenWith } = require('./differential_classes.js');

const ROOT = path.join(__dirname, '../..');
const BATCH = 20000;

// --- Messages ----------------------------------------------------------------------------------------------------------

const table = fs.readFileSync(path.join(ROOT, 'tests/proxy/http/messages.jsonl'), 'utf8').split('\n')
    .filter((line) => line !== '').map((line) => JSON.parse(line)).map((row) => {
      const pieces = typeof row.bytes === 'string' ? [row.bytes] : row.bytes;
      const text = pieces.map((p) => (typeof p === 'string' ? p : p[0].repeat(p[1]))).join('');
      return { text, response: row.side === 'response', head: row.method === 'HEAD', upgrade: !!row.upgrade, eof: !!row.eof };
    });
const bases = table.filter((message) => message.text.length < 1500);

// What smuggling is made of, and what it is put between.
const SNIPPETS = ['\r\n', '\n', '\r', ' ', '\t', '\0', '\x0b', '\x0c', '\x7f', '\x80', '\xa0', ':', ';', ',', '"', '\\', '%', '/', '?',
  '#', '@', '0', '1', 'f', '-', '+', '_', '.', '=', '\r\n ', '\r\n\t', '\n ', '0\r\n\r\n', '\r\n0\r\n\r\n', '5\r\nhello\r\n', '1;a=b\r\nx\r\n',
  'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Content-Length: 5, 5\r\n', 'content-length:5\r\n', 'Content-Length: +5\r\n',
  'Transfer-Encoding: chunked\r\n', 'transfer-encoding:chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n', 'Transfer-Encoding : chunked\r\n', 'Transfer-Encoding:\tchunked\r\n', 'Transfer-Encoding: chunked \r\n',
  'Transfer-Encoding: xchunked\r\n', 'Transfer-Encoding: chunked, chunked\r\n', 'Host: h\r\n', 'Host: a b\r\n', 'Connection: close\r\n',
  'Connection: keep-alive\r\n', 'Connection: upgrade\r\nUpgrade: websocket\r\n', 'Expect: 100-continue\r\n', 'A: b\r\n', 'A : b\r\n',
  ' A: b\r\n', 'A\r\n', ': b\r\n', 'GET / HTTP/1.1\r\nHost: h\r\n\r\n', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'GET', 'HEAD', 'POST',
  'http://a.b/', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100 C\r\n\r\n', 'HTTP/1.1 204 No\r\n', 'Trailer: A\r\n'];

class Random {
  constructor(seed) { this.state = BigInt(seed) | 1n; }
  below(limit) {  // xorshift64*
    let x = this.state;
    x ^= x >> 12n;
    x ^= (x << 25n) & 0xffffffffffffffffn;
    x ^= x >> 27n;
    this.state = x;
    return limit <= 0 ? 0 : Number(((x * 2685821657736338717n) & 0xffffffffffffffffn) >> 33n) % limit;
  }
  of(list) { return list[this.below(list.length)]; }
}

function mutate(random, text, side) {
  const at = random.below(text.length + 1);
  const length = 1 + random.below(random.below(4) ? 4 : 40);
  const lines = () => text.split('\r\n');
  switch (random.below(9)) {
    case 0: return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 1: case 2: return text.slice(0, at) + random.of(SNIPPETS) + text.slice(at);
    case 3: return text.slice(0, at) + text.slice(at + length);
    case 4: return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
    case 5: {  // a line before another line
      const all = lines();
      all.splice(random.below(all.length), 0, random.of(SNIPPETS).replace(/\r\n$/, ''));
      return all.join('\r\n');
    }
    case 6: {  // two lines change places
      const all = lines();
      const [a, b] = [random.below(all.length), random.below(all.length)];
      [all[a], all[b]] = [all[b], all[a]];
      return all.join('\r\n');
    }
    case 7: return text + random.of(side).text;
    default: {  // go on as another message does
      const other = random.of(side).text;
      return text.slice(0, at) + other.slice(random.below(other.length + 1));
    }
  }
}

function* messages(count, seed) {
  yield* bases;
  const random = new Random(seed);
  const sides = [bases.filter((m) => !m.response), bases.filter((m) => m.response)];
  for (let n = 0; n < count; n++) {
    const base = random.of(bases);
    const side = sides[Number(base.response)];
    let text = base.text;
    for (let steps = 1 + random.below(3); steps > 0; steps--) text = mutate(random, text, side);
    yield { ...base, text: text.slice(0, 4000) };
  }
}

// --- Outcomes: { refused: why or null, messages: [body, ...], rest: an unfinished head or body } -----------------------

function byNode(message) {
  const out = { refused: null, messages: [], started: 0, upgrade: false };
  const parser = new HTTPParser();
  parser.initialize(message.response ? HTTPParser.RESPONSE : HTTPParser.REQUEST, {});
  let body = '';
  let interim = false;
  parser[HTTPParser.kOnHeaders | 0] = () => {};
  parser[HTTPParser.kOnHeadersComplete | 0] = (major, minor, headers, method, url, status, text, upgrade) => {
    body = '';
    out.started++;
    out.upgrade = out.upgrade || upgrade;
    interim = message.response && status >= 100 && status < 200 && status !== 101;
    return message.head ? 1 : 0;
  };
  parser[HTTPParser.kOnBody | 0] = (piece) => { body += piece.toString('latin1'); };
  parser[HTTPParser.kOnMessageComplete | 0] = () => { if (!interim) out.messages.push(body); };
  const bytes = Buffer.from(message.text, 'latin1');
  let result = parser.execute(bytes, 0, bytes.length);
  if (!(result instanceof Error) && message.eof) result = parser.finish();
  if (result instanceof Error) out.refused = result.code;
  return out;
}

function byUs(events) {
  const out = { refused: null, messages: [], started: 0, left: 0, waiting: false };
  let body = '';
  for (const event of events) {
    const word = event.split(' ', 1)[0];
    if (word === 'head') [body, out.started] = ['', out.started + 1];
    if (word === 'interim') out.started++;
    if (word === 'data') body = event.slice(5);
    if (word === 'end') out.messages.push(body);
    if (word === 'error') out.refused = event.slice(6);
    if (word === 'left') out.left = Number(event.slice(5));
    out.waiting = word === 'more';
  }
  return out;
}

function outcomes(program, batch) {
  const input = Buffer.concat(batch.flatMap((message) => {
    const head = Buffer.alloc(5);
    head[0] = Number(message.response) | Number(message.head) << 1 | Number(message.upgrade) << 2 | Number(message.eof) << 3;
    const bytes = Buffer.from(message.text, 'latin1');
    head.writeUInt32LE(bytes.length, 1);
    return [head, bytes];
  }));
  const done = spawnSync(program, [], { input, maxBuffer: 1 << 30 });
  if (done.status !== 0) throw new Error(`${program}: ${done.error || done.status || done.signal} ${done.stderr}`);
  return done.stdout.toString('latin1').trimEnd().split('\n').map((line) => JSON.parse(line));
}

// --- Comparison --------------------------------------------------------------------------------------------------------

const [program, count = '30000', seed = '20261121'] = process.argv.slice(2);
const seen = new Map();
const unexplained = [];
let compared = 0;

function compare(batch) {
  outcomes(program, batch).forEach((events, i) => {
    const message = batch[i];
    compared++;
    const ours = byUs(events);
    // What is left behind a response is for nobody to read.
    const theirs = byNode(ours.left ? { ...message, text: message.text.slice(0, -ours.left), eof: false } : message);
    const name = differenceOf(message, ours, theirs);
    if (name === null) return;
    if (name === undefined) unexplained.push({ message, ours, theirs });
    else seen.set(name, (seen.get(name) || 0) + 1);
  });
}

let batch = [];
for (const message of messages(Number(count), seed)) {
  batch.push(message);
  if (batch.length === BATCH) compare(batch.splice(0));
}
compare(batch);

for (const [name, times] of [...seen].sort((a, b) => b[1] - a[1])) console.log(`${String(times).padStart(7)}  ${name}`);
for (const { message, ours, theirs } of unexplained.slice(0, 25)) {
  console.log(`unexplained: ${JSON.stringify(message)}\n  ours   ${JSON.stringify(ours)}\n  node's ${JSON.stringify(theirs)}`);
}
let failures = unexplained.length;

// The page for readers has exactly these classes.
const page = fs.readFileSync(path.join(ROOT, 'docs/http.md'), 'utf8').split('\n## ').find((part) => part.startsWith('Compared with Node'));
const listed = [...(page || '').matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((match) => match[1]);
for (const name of Object.keys(classes).filter((n) => !listed.includes(n))) { failures++; console.log(`not in docs/http.md: ${name}`); }
for (const name of listed.filter((n) => !(n in classes))) { failures++; console.log(`only in docs/http.md: ${name}`); }
// Where the class was found with this parser before, it must be found again: an explanation without a difference is none.
if (seenWith(process.versions.llhttp) && Number(count) >= 30000) {
  for (const name of Object.keys(classes).filter((n) => !seen.has(n))) { failures++; console.log(`never seen: ${name}`); }
}
console.log(`${compared} messages, ${unexplained.length} unexplained differences from llhttp ${process.versions.llhttp}, ${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
