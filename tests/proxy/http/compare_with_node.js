// Compares the expectations of messages.jsonl with what Node's HTTP parser (llhttp) makes of the same bytes: is the message accepted, into
// how many messages is it cut, what is the body. Where they differ, the row says why ("node"); a difference without a reason
// fails, and so does a reason without a difference.
//
//   node tests/proxy/http/compare_with_node.js
'use strict';
const { HTTPParser } = require('_http_common');
const fs = require('fs');
const path = require('path');

function bytesOf(row) {
  const pieces = typeof row.bytes === 'string' ? [row.bytes] : row.bytes;
  const text = pieces.map((p) => (typeof p === 'string' ? p : p[0].repeat(p[1]))).join('');
  return Buffer.from(text, 'latin1');
}

// { refused, heads, ends, body }
function byNode(row) {
  const out = { refused: false, heads: 0, ends: 0, body: '' };
  const parser = new HTTPParser();
  parser.initialize(row.side === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {});
  parser[HTTPParser.kOnHeaders | 0] = () => {};
  parser[HTTPParser.kOnHeadersComplete | 0] = () => {
    out.heads++;
    return row.method === 'HEAD' ? 1 : 0;  // 1: no body follows
  };
  parser[HTTPParser.kOnBody | 0] = (piece) => { out.body += piece.toString('latin1'); };
  parser[HTTPParser.kOnMessageComplete | 0] = () => { out.ends++; };
  const bytes = bytesOf(row);
  let result = parser.execute(bytes, 0, bytes.length);
  if (!(result instanceof Error) && row.eof) result = parser.finish();
  out.refused = result instanceof Error;
  return out;
}

function byUs(row) {
  const count = (word) => row.events.filter((e) => e.split(' ')[0] === word).length;
  return {
    refused: count('error') !== 0,
    heads: count('head') + count('interim'),
    ends: count('end') + count('interim'),
    body: row.events.filter((e) => e.startsWith('data ')).map((e) => e.slice(5)).join(''),
  };
}

const table = path.join(__dirname, 'messages.jsonl');
let rows = 0;
let failures = 0;
for (const line of fs.readFileSync(table, 'utf8').split('\n')) {
  if (line === '') continue;
  const row = JSON.parse(line);
  rows++;
  const ours = byUs(row);
  const theirs = byNode(row);
  const same = ours.refused === theirs.refused &&
      (ours.refused || (ours.heads === theirs.heads && ours.ends === theirs.ends && ours.body === theirs.body));
  if (same === (row.node === undefined)) continue;
  failures++;
  console.log(same ? `no difference any more: ${row.name}`
                   : `unexplained: ${row.name}\n  ours   ${JSON.stringify(ours)}\n  node's ${JSON.stringify(theirs)}`);
}
console.log(`${rows} messages, ${failures} failures`);
process.exit(failures === 0 && rows > 0 ? 0 : 1);
