// Random flags and contexts with what flagd's JavaScript evaluator makes of them, one JSON object a line, for
// ../differential_test.cc. Deterministic: the same seed gives the same cases.
//
//   tests/e2e/node/run tests/control/flags/differential/cases.js SEED FLAGS > cases.jsonl
//   FLAGMESH_DIFFERENTIAL=cases.jsonl flags_test --gtest_filter='Differential.*'
//
// CTest does that with seed 1 and 34,000 flags (`ctest -L differential`).
//
// It leaves out the classes that docs/flags.md lists under "Where evaluators differ", as far as they can be left out.
const { FlagdCore } = require('@openfeature/flagd-core');

let state = Number(process.argv[2] || 1);
function random() {  // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = n => Math.floor(random() * n);
const chance = p => random() < p;
const pick = list => list[below(list.length)];
const many = (most, make) => Array.from({ length: below(most + 1) }, make);

const texts = ['', 'a', 'b', 'abc', 'bc', '1', '2', '10', ' 1 ', '0x10', '1.5', 'v1.2.3', '1.2', '2.0.0-rc.1', 'user@x.com', '@x.com', 'true'];
const numbers = [0, 1, 2, 3, -1, 10, 1.5, 100];
const variants = ['a', 'b', 'c', 'true', 'false', '1', '2'];
const variant = () => pick(['a', 'b', 'c']);
const scalar = () => (chance(0.6) ? pick(texts) : chance(0.7) ? pick(numbers) : chance(0.5));

function text(depth) {
  if (depth <= 0 || chance(0.5)) return chance(0.5) ? pick(texts) : { var: pick(['s', 't', 'o.x', ['none', 'abc'], '$flagd.flagKey']) };
  return pick([
    () => ({ cat: [text(depth - 1), text(depth - 1)] }),
    () => ({ substr: [text(depth - 1), below(7) - 3] }),
    () => ({ substr: [text(depth - 1), below(7) - 3, below(7) - 3] }),
    () => ({ reduce: [list(), { cat: [{ var: 'accumulator' }, { var: 'current' }] }, ''] }),
  ])();
}

function number(depth) {
  if (depth <= 0 || chance(0.5)) return chance(0.5) ? pick(numbers) : { var: pick(['n', 'm', 'o.y']) };
  return { [pick(['+', '-', '*', '%', 'min', 'max'])]: [number(depth - 1), number(depth - 1)] };
}

function list() {
  return pick([() => ({ var: 'l' }), () => many(3, scalar), () => ({ merge: [{ var: 'l' }, many(2, scalar)] }), () => ({ filter: [{ var: 'l' }, { '!!': [{ var: '' }] }] }),
    () => ({ map: [{ var: 'l' }, { cat: [{ var: '' }, 'x'] }] })])();
}

const present = depth => (chance(0.5) ? text(depth) : number(depth));

function condition(depth) {
  if (depth <= 0) return chance(0.5) ? { var: pick(['yes', 'no', 's', 'n', 'none']) } : chance(0.5);
  const d = depth - 1;
  return pick([
    () => ({ [pick(['==', '!=', '===', '!=='])]: [present(d), present(d)] }),
    () => ({ [pick(['<', '<=', '>', '>='])]: [number(d), number(d)] }),
    () => ({ [pick(['<', '<=', '>', '>='])]: [text(d), text(d)] }),
    () => ({ [pick(['<', '<='])]: [number(d), number(d), number(d)] }),
    () => ({ '!': [present(d)] }),
    () => ({ '!!': [condition(d)] }),
    () => ({ [pick(['and', 'or'])]: [condition(d), condition(d), ...many(1, () => present(d))] }),
    () => ({ in: [text(d), chance(0.5) ? text(d) : list()] }),
    () => ({ [pick(['starts_with', 'ends_with'])]: [text(d), chance(0.9) ? text(d) : number(d)] }),
    () => ({ sem_ver: [chance(0.8) ? text(0) : number(0), pick(['=', '!=', '<', '<=', '>', '>=', '~', '^', '*']), text(0)] }),
    () => ({ [pick(['all', 'some', 'none'])]: [list(), pick([{ in: [{ var: '' }, ['a', 1, 'b']] }, { '===': [{ var: '' }, 'a'] }])] }),
    () => ({ missing: many(3, () => pick(['s', 'n', 'o.x', 'none', 'o.none', 'targetingKey'])) }),
    () => ({ missing_some: [below(3), many(3, () => pick(['s', 'n', 'none', 'o.none']))] }),
  ])();
}

function fractional(depth) {
  const entries = [0, ...many(3, () => 0)].map(() => {
    const name = chance(0.8) ? variant() : result(depth - 1);
    return chance(0.2) ? [name] : [name, chance(0.85) ? below(50) : pick([0, -5, 100, 1.5, '5', { '+': [below(5), below(5)] }])];
  });
  if (chance(0.4)) entries.unshift(chance(0.5) ? { var: pick(['s', 't', 'targetingKey']) } : { cat: [{ var: '$flagd.flagKey' }, text(1)] });
  return { fractional: entries };
}

function result(depth) {
  if (depth <= 0) return chance(0.9) ? variant() : chance(0.5) ? null : chance(0.5);
  const d = depth - 1;
  return pick([variant, () => fractional(d), () => fractional(d), () => ({ if: [condition(d), result(d), result(d)] }), () => ({ if: [condition(d), result(d)] }),
    () => ({ if: [condition(d), result(d), condition(d), result(d), result(d)] })])();
}

function context() {
  return {
    s: pick(texts), t: pick(texts), n: pick(numbers), m: pick(numbers), l: many(3, scalar), o: { x: pick(texts), y: pick(numbers) }, yes: true, no: false,
    targetingKey: 'user' + below(100000),
  };
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
for (let i = Number(process.argv[3] || 1000); i > 0; i--) {
  const rule = result(4);
  const flag = { state: 'ENABLED', variants: Object.fromEntries(variants.map(name => [name, name])), targeting: rule !== null && typeof rule === 'object' ? rule : fractional(2) };
  if (chance(0.9)) flag.defaultVariant = pick(variants);
  const key = 'flag-' + below(1000);
  const core = new FlagdCore(undefined, quiet);
  core.setConfigurations(JSON.stringify({ flags: { [key]: flag } }));
  for (let j = 0; j < 3; j++) {
    const facts = context();
    const found = core.getFlag(key).evaluate(facts, quiet);
    console.log(JSON.stringify({ key, flag, context: facts, variant: found.variant ?? null, reason: found.reason }));
  }
}
