// In what our decoders and Node's parser (llhttp 9, not lenient) are known to differ. docs/http.md says why for each class.
// But for unknown-interim none of them lets two readers take the same bytes apart differently: one refuses, or stops.
'use strict';

// What we refuse and llhttp takes: our error -> class, or [class, what the text must have].
const stricter = {
  missing_host: 'host',
  repeated_host: 'host',
  bad_host: 'host',
  bad_target: 'target',
  bad_method: 'request-line',
  bad_version: 'request-line',
  unsupported_version: 'version',
  connect_refused: 'connect',
  bad_status_line: 'status-line',
  unexpected_switch: 'switch',
  bad_transfer_encoding: 'coding',
  unknown_transfer_encoding: 'coding',
  length_and_transfer_encoding: ['coding', /transfer-encoding:[ \t,]*\r/i],
  bare_cr: ['line-end', /(^|\n)([^:\n]*|HTTP\/\d\.\d [^\n]*\r)\r[^\n]/],  // not in a field: those lines have a colon
  bare_lf: ['line-end', /(^|\n)([^:\n]*[^:\r\n])?\n|(^|\n)[^ \n]+ +[^ \n]+\n/],
  headers_too_large: 'limit',
  trailers_too_large: 'limit',
  target_too_long: 'limit',
  chunk_line_too_long: 'limit',
  bad_header_value: ['limit', /connection:([^\r,]*,){50}/i],
  bad_content_length: ['limit', /content-length:[^\r]*\d{19}/i],
  bad_chunk_size: ['limit', /[0-9a-f]{16}/i],
  bad_chunk_extension: 'extension',
  bad_trailer: 'trailer',
  truncated: 'no-answer',
};

// What llhttp refuses and we take: class -> (message, its error) => is it that.
const looser = {
  'method': (message, code) => code === 'HPE_INVALID_METHOD' && !message.response,
  'minor-version': (message, code) => code === 'HPE_INVALID_VERSION' && /HTTP\/1\.[2-9]/.test(message.text),
  'equal-lengths': (message, code) => /^HPE_(UNEXPECTED|INVALID)_CONTENT_LENGTH$/.test(code) &&
      (message.text.match(/content-length:|,/gi) || []).length > 1,
  'framing-tab': (message, code) => /^HPE_INVALID_(CONTENT_LENGTH|TRANSFER_ENCODING)$/.test(code) &&
      /(content-length|transfer-encoding):[^\r]*\t/i.test(message.text),
  'extension-blanks': (message, code) => /^HPE_(INVALID_CHUNK_SIZE|STRICT)$/.test(code) &&
      /(^|\n)[0-9a-f]+([^\r]*[ \t][;=]|[^\r]*[;=][ \t])/i.test(message.text),
  'switch-option': (message, code) => code === 'HPE_INVALID_EOF_STATE' && /HTTP\/1\.\d 101/.test(message.text),
  'behind-close': (message, code) => code === 'HPE_CLOSED_CONNECTION',
};

const begins = (list, beginning) => beginning.every((body, i) => list[i] === body);

// null: no difference; a class; undefined: a difference that nobody explained.
function differenceOf(message, ours, theirs) {
  const [a, b] = [ours.messages, theirs.messages];
  const same = a.length === b.length && begins(a, b);
  if (same && (ours.refused === null) === (theirs.refused === null)) return null;
  if (message.response && /HTTP\/1\.\d 1(?!0[0-3])\d\d/.test(message.text)) return 'unknown-interim';
  if (theirs.upgrade && theirs.refused === null && begins(a, b)) return 'upgrade';
  if (same && ours.waiting) return 'early';
  if (ours.refused !== null && begins(b, a)) {
    const [name, needed] = [stricter[ours.refused]].flat();
    if (name !== undefined && (needed === undefined || needed.test(message.text))) return name;
  }
  if (theirs.refused !== null && begins(a, b)) {
    return Object.keys(looser).find((name) => looser[name](message, theirs.refused));
  }
  return undefined;
}

const classes = {};
for (const [name] of Object.values(stricter).map((value) => [value].flat())) classes[name] = true;
for (const name of [...Object.keys(looser), 'upgrade', 'early', 'unknown-interim']) classes[name] = true;

// Parsers in which every class was found.
const seenWith = (llhttp) => llhttp.startsWith('9.3.');

module.exports = { classes, differenceOf, seenWith };
