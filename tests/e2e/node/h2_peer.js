// An HTTP/2 client and server of Node, and a gRPC client and server of @grpc/grpc-js: `h2_peer.js serve FILE [CERT KEY]` serves both, gRPC
// over TLS when there is a certificate, and writes {"http2": ADDRESS, "grpc": ADDRESS} to FILE; `h2_peer.js SCENARIO ADDRESS [CA]` asks, over
// TLS as shop.test when there is a CA, and fails with a reason.
'use strict';
const assert = require('assert');
const fs = require('fs');
const http2 = require('http2');
const grpc = require('@grpc/grpc-js');

const raw = {
  requestSerialize: (b) => b, requestDeserialize: (b) => b, responseSerialize: (b) => b, responseDeserialize: (b) => b,
};
const call = (name, requestStream, responseStream) => ({path: `/test.Echo/${name}`, requestStream, responseStream, ...raw});
const ECHO = {
  unary: call('unary', false, false), download: call('download', false, true), upload: call('upload', true, false),
  chat: call('chat', true, true), fail: call('fail', false, false), slow: call('slow', false, false),
  hold: call('hold', false, false),
};
const SIZE = {'grpc.max_receive_message_length': 32 << 20, 'grpc.max_send_message_length': 32 << 20};

function serveHttp2() {
  const server = http2.createServer({maxSessionMemory: 1000});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const path = headers[':path'];
    if (path === '/echo') {
      stream.respond({':status': 200, 'x-method': headers[':method'], 'x-authority': headers[':authority']},
                     {waitForTrailers: true});
      stream.on('wantTrailers', () => stream.sendTrailers({'x-end': 'yes'}));
      stream.pipe(stream);
    } else if (path.startsWith('/bytes/')) {
      stream.respond({':status': 200});
      stream.end(Buffer.alloc(Number(path.slice(7)), 'x'));
    } else {
      stream.respond({':status': 200, 'content-type': 'text/plain'});
      stream.end('hello');
    }
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(`127.0.0.1:${server.address().port}`)));
}

function serveGrpc() {
  const server = new grpc.Server(SIZE);
  server.addService(ECHO, {
    unary(c, done) {
      const trailers = new grpc.Metadata();
      trailers.set('x-trailer', 'end');
      const initial = new grpc.Metadata();
      initial.set('x-initial', String(c.metadata.get('x-ask')[0] || ''));
      c.sendMetadata(initial);
      done(null, c.request, trailers);
    },
    download(c) {
      for (let i = 0; i < 100; ++i) c.write(Buffer.from(`${i}`));
      c.end();
    },
    upload(c, done) {
      let bytes = 0;
      c.on('data', (m) => { bytes += m.length; });
      c.on('end', () => done(null, Buffer.from(String(bytes))));
    },
    chat(c) {
      c.on('data', (m) => c.write(m));
      c.on('end', () => c.end());
    },
    fail(c, done) { done({code: grpc.status.NOT_FOUND, details: 'no such thing'}); },
    slow() {},
    hold(c) {
      c.on('cancelled', () => fs.writeFileSync(process.argv[3] + '.cancelled', 'yes'));
      c.sendMetadata(new grpc.Metadata());  // tells the client that the call is here
    },
  });
  const [cert, key] = process.argv.slice(4).map((file) => fs.readFileSync(file));
  const credentials = cert ? grpc.ServerCredentials.createSsl(null, [{cert_chain: cert, private_key: key}])
                           : grpc.ServerCredentials.createInsecure();
  return new Promise((done, failed) => server.bindAsync('127.0.0.1:0', credentials,
    (error, port) => (error ? failed(error) : done(`127.0.0.1:${port}`))));
}

const body = (stream) => new Promise((done, failed) => {
  const parts = [];
  stream.on('data', (d) => parts.push(d));
  stream.on('end', () => done(Buffer.concat(parts)));
  stream.on('error', failed);
});
const promised = (client, name, message, metadata, options) => new Promise((done) => {
  const result = {};
  const c = client.makeUnaryRequest(ECHO[name].path, raw.requestSerialize, raw.responseDeserialize, message,
    metadata || new grpc.Metadata(), options || {}, (error, answer) => { result.error = error; result.answer = answer; });
  c.on('metadata', (m) => { result.metadata = m; });
  c.on('status', (s) => { result.status = s; done(result); });
  result.call = c;
});

const connect = (address, options) => {
  const ca = process.argv[4];
  if (!ca) return new grpc.Client(address, grpc.credentials.createInsecure(), options);
  return new grpc.Client(address, grpc.credentials.createSsl(fs.readFileSync(ca)),
    {...options, 'grpc.ssl_target_name_override': 'shop.test', 'grpc.default_authority': 'shop.test'});
};

const SCENARIOS = {
  async http2(address) {
    const session = http2.connect(`http://${address}`);
    const asks = [];
    for (let i = 0; i < 50; ++i) {
      const stream = session.request({':path': '/echo', ':method': 'POST', te: 'trailers'});
      const trailers = new Promise((done) => stream.on('trailers', done));
      const head = new Promise((done) => stream.on('response', done));
      stream.write(`part one of ${i},`);
      stream.end(`part two of ${i}`);
      asks.push(Promise.all([body(stream), head, trailers]));
    }
    const answers = await Promise.all(asks);
    answers.forEach(([text, head, trailers], i) => {
      assert.strictEqual(text.toString(), `part one of ${i},part two of ${i}`);
      assert.strictEqual(head[':status'], 200);
      assert.strictEqual(head['x-method'], 'POST');
      assert.strictEqual(head['x-authority'], address);
      assert.strictEqual(trailers['x-end'], 'yes');
    });
    const large = session.request({':path': '/bytes/10485760'});
    assert.strictEqual((await body(large)).length, 10485760);
    const cancelled = session.request({':path': '/bytes/10485760'});
    cancelled.on('error', () => {});
    await new Promise((done) => cancelled.once('data', done));
    cancelled.close(http2.constants.NGHTTP2_CANCEL);
    assert.strictEqual((await body(session.request({':path': '/'}))).toString(), 'hello');
    session.close();
  },
  async grpc(address) {
    const client = connect(address, SIZE);
    const metadata = new grpc.Metadata();
    metadata.set('x-ask', 'question');
    metadata.set('data-bin', Buffer.from([0, 1, 255]));
    const unary = await promised(client, 'unary', Buffer.from('hi'), metadata);
    assert.ifError(unary.error);
    assert.strictEqual(unary.answer.toString(), 'hi');
    assert.strictEqual(unary.metadata.get('x-initial')[0], 'question');
    assert.strictEqual(unary.status.metadata.get('x-trailer')[0], 'end');
    const large = Buffer.alloc(10 << 20, 'y');
    const echoed = await promised(client, 'unary', large);
    assert.ifError(echoed.error);
    assert.ok(echoed.answer.equals(large));
    const failed = await promised(client, 'fail', Buffer.from('x'));
    assert.strictEqual(failed.status.code, grpc.status.NOT_FOUND);
    assert.strictEqual(failed.status.details, 'no such thing');

    const download = client.makeServerStreamRequest(ECHO.download.path, raw.requestSerialize, raw.responseDeserialize,
      Buffer.from('go'), new grpc.Metadata());
    const got = [];
    for await (const message of download) got.push(message.toString());
    assert.deepStrictEqual(got, [...Array(100).keys()].map(String));

    const uploaded = await new Promise((done, bad) => {
      const up = client.makeClientStreamRequest(ECHO.upload.path, raw.requestSerialize, raw.responseDeserialize,
        new grpc.Metadata(), (error, answer) => (error ? bad(error) : done(answer)));
      for (let i = 0; i < 50; ++i) up.write(Buffer.alloc(10000, 'z'));
      up.end();
    });
    assert.strictEqual(uploaded.toString(), '500000');

    const chat = client.makeBidiStreamRequest(ECHO.chat.path, raw.requestSerialize, raw.responseDeserialize, new grpc.Metadata());
    for (const word of ['one', 'two', 'three']) {
      chat.write(Buffer.from(word));
      const answer = await new Promise((done) => chat.once('data', done));
      assert.strictEqual(answer.toString(), word);
    }
    chat.end();
    await new Promise((done) => chat.on('status', done));
    client.close();
  },
  async grpc_deadline(address) {
    const client = connect(address, {});
    const late = await promised(client, 'slow', Buffer.from('x'), new grpc.Metadata(), {deadline: Date.now() + 300});
    assert.strictEqual(late.status.code, grpc.status.DEADLINE_EXCEEDED);
    client.close();
  },
  async grpc_cancel(address) {
    const client = connect(address, {});
    const c = client.makeUnaryRequest(ECHO.hold.path, raw.requestSerialize, raw.responseDeserialize, Buffer.from('x'),
      new grpc.Metadata(), () => {});
    c.on('metadata', () => c.cancel());  // not before the container has the call, or it would never hear of it
    const status = await new Promise((done) => c.on('status', done));
    assert.strictEqual(status.code, grpc.status.CANCELLED);
    client.close();
  },
  async grpc_unavailable(address) {
    const client = connect(address, {});
    const failed = await promised(client, 'unary', Buffer.from('x'));
    assert.strictEqual(failed.status.code, grpc.status.UNAVAILABLE);
    assert.strictEqual(failed.status.details, 'connect_failure');
    client.close();
  },
};

async function main() {
  const [what, argument] = process.argv.slice(2);
  if (what === 'serve') {
    const addresses = {http2: await serveHttp2(), grpc: await serveGrpc()};
    fs.writeFileSync(argument + '.new', JSON.stringify(addresses));
    fs.renameSync(argument + '.new', argument);
    return;
  }
  await SCENARIOS[what](argument);
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
