// OpenFeature's own SDKs and providers, unchanged, against an engine and a router; and flagd's evaluator in process on what the
// engine exports. Usage: openfeature.js ENGINE ROUTER ("http://127.0.0.1:PORT" each). Ends with 1 and says what differs.
'use strict';

const assert = require('node:assert');
const { OpenFeature } = require('@openfeature/server-sdk');
const { OFREPProvider } = require('@openfeature/ofrep-provider');
const { FlagdCore } = require('@openfeature/flagd-core');
const web = require('@openfeature/web-sdk');
const { OFREPWebProvider } = require('@openfeature/ofrep-web-provider');

const USERS = 200;
const quiet = { error() {}, warn() {}, info() {}, debug() {} };

function contextOf(i) {
  return { targetingKey: `user-${i}`, plan: i % 3 === 0 ? 'pro' : 'free', age: i };
}

async function serverClient(name, baseUrl) {
  await OpenFeature.setProviderAndWait(name, new OFREPProvider({ baseUrl }));
  return OpenFeature.getClient(name);
}

async function sameEverywhere(engine, router) {
  const exported = await (await fetch(`${engine}/api/v1/export`)).text();
  const inProcess = new FlagdCore();
  inProcess.setConfigurations(exported);
  const clients = [await serverClient('engine', engine), await serverClient('router', router)];
  const seen = new Set();
  for (let i = 0; i < USERS; ++i) {
    const context = contextOf(i);
    const here = inProcess.resolveBooleanEvaluation('checkout', false, context, quiet);
    const pay = inProcess.resolveStringEvaluation('pay', 'none', context, quiet);
    for (const client of clients) {
      const there = await client.getBooleanDetails('checkout', false, context);
      assert.strictEqual(there.errorCode, undefined, there.errorMessage);
      assert.strictEqual(there.variant, here.variant, `checkout for ${context.targetingKey}`);
      assert.strictEqual(there.value, here.value);
      const other = await client.getStringDetails('pay', 'none', context);
      assert.strictEqual(other.variant, pay.variant, `pay for ${context.targetingKey}`);
    }
    seen.add(here.variant).add(pay.variant);
  }
  assert.deepStrictEqual([...seen].sort(), ['card', 'none', 'off', 'on']);
  return clients;
}

async function errorsAndTypes(client) {
  const missing = await client.getBooleanDetails('nothing', true, {});
  assert.strictEqual(missing.value, true);
  assert.strictEqual(missing.errorCode, 'FLAG_NOT_FOUND');
  const wrong = await client.getNumberDetails('checkout', 7, contextOf(1));
  assert.strictEqual(wrong.value, 7);
  assert.strictEqual(wrong.errorCode, 'TYPE_MISMATCH');
  const object = await client.getObjectDetails('theme', {}, {});
  assert.deepStrictEqual(object.value, { color: '#00f', sizes: [1, 2.5] });
  assert.strictEqual(object.flagMetadata.team, 'shop');
  assert.strictEqual((await client.getNumberDetails('limit', 1, {})).value, 2.5);
}

async function webProvider(router) {
  await web.OpenFeature.setContext(contextOf(3));
  await web.OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: router, pollInterval: 0 }, quiet));
  const client = web.OpenFeature.getClient();
  assert.strictEqual(client.getBooleanDetails('checkout', false).variant, 'on');
  assert.deepStrictEqual(client.getObjectValue('theme', {}), { color: '#00f', sizes: [1, 2.5] });
  // The code's default stands for a flag that is disabled.
  assert.strictEqual(client.getStringValue('dark', 'mine'), 'mine');
  await web.OpenFeature.setContext(contextOf(1));
  assert.strictEqual(client.getStringDetails('pay', 'x').errorCode, undefined);
  await web.OpenFeature.close();
}

async function main() {
  const [engine, router] = process.argv.slice(2);
  const clients = await sameEverywhere(engine, router);
  for (const client of clients) await errorsAndTypes(client);
  await webProvider(router);
  await OpenFeature.close();
  console.log('same everywhere');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
