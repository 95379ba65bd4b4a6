import assert from 'node:assert/strict';
import { validClaims } from '../issuer.ts';
import { segment, signedToken } from '../tokens.ts';
import {
  type Attack,
  bearer,
  ec,
  header,
  ours,
  rawClaims,
  valid,
  withClaims,
  withClaimText,
} from './world.ts';

/** Base64url with spare bits set in its last character, which lenient decoders ignore. */
function withSpareBits(text: string): string {
  assert.notEqual(text.length % 4, 0, 'the last character has no spare bits');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) ?? '') + 1];
}

/** What the Authorization header, the segments and the JSON in them look like. */
export const attacksOnForm: Attack[] = [
  ['no Authorization header', 'CREDENTIALS_MISSING', () => null],
  ['several Authorization headers', 'AUTHORIZATION_MALFORMED', () => ''],
  ['Basic', 'SCHEME_UNSUPPORTED', () => 'Basic dXNlcjpwYXNz'],
  ['a token without scheme', 'SCHEME_UNSUPPORTED', () => valid()],
  ['a scheme that begins like Bearer', 'SCHEME_UNSUPPORTED', () => `Bearers ${valid()}`],
  ['Bearer and nothing', 'AUTHORIZATION_MALFORMED', () => 'Bearer'],
  ['Bearer and spaces', 'AUTHORIZATION_MALFORMED', () => 'Bearer   '],
  ['two tokens', 'AUTHORIZATION_MALFORMED', () => `Bearer ${valid()} ${valid()}`],
  [
    'a token longer than the limit',
    'TOKEN_TOO_LONG',
    () => bearer(withClaims({ padding: 'x'.repeat(8_000) })),
  ],

  ['one segment', 'SEGMENTS_WRONG', () => bearer('abc')],
  ['two segments', 'SEGMENTS_WRONG', () => bearer(valid().split('.').slice(0, 2).join('.'))],
  ['four segments', 'SEGMENTS_WRONG', () => bearer(`${valid()}.${segment('x')}`)],
  ['five segments, as an encrypted token has', 'SEGMENTS_WRONG', () => bearer(`${valid()}.a.b`)],
  ['padding', 'ENCODING_INVALID', () => bearer(`${valid()}==`)],
  ['spare bits in the signature', 'ENCODING_INVALID', () => bearer(withSpareBits(valid()))],
  [
    'spare bits in the header',
    'ENCODING_INVALID',
    () => {
      const [, payload = '', signature = ''] = valid().split('.');
      const spare = ['', ' ', '  ']
        .map((end) => segment(JSON.stringify(header) + end))
        .find((s) => s.length % 4 !== 0);
      return bearer([withSpareBits(spare ?? ''), payload, signature].join('.'));
    },
  ],
  ['the base64 alphabet of RFC 4648 section 4', 'ENCODING_INVALID', () => bearer(valid().replace(/.$/, '+'))],
  ['line feed at the end', 'ENCODING_INVALID', () => `Bearer ${valid()}\n`],
  ['an empty header segment', 'HEADER_INVALID', () => bearer(`.${valid().split('.').slice(1).join('.')}`)],
  ['a header that is no JSON', 'HEADER_INVALID', () => bearer(signedToken('{', validClaims(ours), ec))],
  ['a header that is a list', 'HEADER_INVALID', () => bearer(signedToken('[]', validClaims(ours), ec))],
  [
    'a header with a byte order mark',
    'HEADER_INVALID',
    () => bearer(signedToken(`\uFEFF${JSON.stringify(header)}`, validClaims(ours), ec)),
  ],
  [
    'a header member twice',
    'HEADER_MEMBER_REPEATED',
    () =>
      bearer(signedToken('{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ec"}', validClaims(ours), ec)),
  ],
  [
    'a header member twice, once escaped',
    'HEADER_MEMBER_REPEATED',
    () =>
      bearer(
        signedToken('{"\\u0061lg":"none","alg":"ES256","typ":"at+jwt","kid":"ec"}', validClaims(ours), ec),
      ),
  ],

  ['a payload that is no JSON', 'PAYLOAD_INVALID', () => bearer(rawClaims('sub=admin'))],
  ['a payload that is null', 'PAYLOAD_INVALID', () => bearer(rawClaims('null'))],
  [
    'a payload that is not UTF-8',
    'PAYLOAD_INVALID',
    () => bearer(rawClaims(Buffer.from('{"a":"\xff"}', 'latin1'))),
  ],
  [
    'a payload nested without end',
    'PAYLOAD_INVALID',
    () => bearer(withClaimText('deep', '['.repeat(40) + ']'.repeat(40))),
  ],
  [
    'a claim twice',
    'PAYLOAD_MEMBER_REPEATED',
    () => bearer(rawClaims(`{"sub":"admin",${JSON.stringify(validClaims(ours)).slice(1)}`)),
  ],
  [
    'a claim twice, deep inside',
    'PAYLOAD_MEMBER_REPEATED',
    () => bearer(withClaimText('act', '[{"sub":{"a":1,"b":[{}],"a":2}}]')),
  ],
];
