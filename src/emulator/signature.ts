import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { apiErrors } from './api-error.ts';
import type { RpcRequest } from './rpc-request.ts';

export type AccessKey = {
  accessKeyId: string;
  accessKeySecret: string;
  accountId: string;
  /** For temporary keys: the token that must come along; null for long-lived keys. */
  securityToken: string | null;
};

/** What a signature vouches for. `timestamp`: as given, not yet held against any clock. */
export type Signed = { key: AccessKey; nonce: string; timestamp: string };

/** Finds a key by its id. */
export type FindKey = (accessKeyId: string) => AccessKey | undefined;

/** The two ways to sign: ACS3-HMAC-SHA256 in a header, or HMAC-SHA1 in the parameters. */
export type SignatureForm = 'v3' | 'v2';

const v3 = 'ACS3-HMAC-SHA256';
const maxNonceLength = 128;

/** The form that the request uses. */
export function signatureForm({ headers }: RpcRequest): SignatureForm {
  return headers.has('authorization') ? 'v3' : 'v2';
}

/**
 * Verifies the signature, in the form that the request uses. Throws ApiError as the front end would. Nonce and time
 * window are the caller's to check.
 */
export function verifySignature(request: RpcRequest, findKey: FindKey): Signed {
  return signatureForm(request) === 'v3' ? verifyV3(request, findKey) : verifyV2(request, findKey);
}

function verifyV3(request: RpcRequest, findKey: FindKey): Signed {
  const { headers, body } = request;
  const authorization =
    /^ACS3-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/.exec(
      headers.get('authorization') ?? '',
    );
  if (authorization === null) throw apiErrors.signatureIncomplete('the Authorization header is malformed');
  const [, accessKeyId = '', list = '', signature = ''] = authorization;
  const signedHeaders = list.split(';');
  for (const name of headers.keys()) {
    // What is not signed may be changed on the way: nothing that the answer depends on may be such.
    const matters =
      name.startsWith('x-acs-') || name === 'host' || (name === 'content-type' && body.length > 0);
    if (matters && !signedHeaders.includes(name)) {
      throw apiErrors.signatureIncomplete(`the header ${name} is not signed`);
    }
  }
  const key = keyOf(findKey, accessKeyId, headers.get('x-acs-security-token'));
  const bodyHash = hash('sha256', body);
  const canonicalHeaders = signedHeaders
    .map((name) => `${name}:${(headers.get(name) ?? '').trim()}\n`)
    .join('');
  const canonicalRequest = [
    request.method,
    request.pathname,
    canonicalQuery(request.query),
    canonicalHeaders,
    list,
    bodyHash,
  ].join('\n');
  const stringToSign = `${v3}\n${hash('sha256', canonicalRequest)}`;
  const expected = createHmac('sha256', key.accessKeySecret).update(stringToSign).digest('hex');
  // The digest in the header is what some servers take for the body's; here both must say the same.
  if (headers.get('x-acs-content-sha256') !== bodyHash || !equal(expected, signature)) {
    throw apiErrors.signatureMismatch(stringToSign);
  }
  return signed(key, headers.get('x-acs-signature-nonce'), headers.get('x-acs-date'));
}

function verifyV2(request: RpcRequest, findKey: FindKey): Signed {
  const { parameters } = request;
  const accessKeyId = parameters.get('AccessKeyId');
  const signature = parameters.get('Signature');
  if (accessKeyId === undefined) throw apiErrors.missing('AccessKeyId');
  if (signature === undefined) throw apiErrors.missing('Signature');
  if (parameters.get('SignatureMethod') !== 'HMAC-SHA1' || parameters.get('SignatureVersion') !== '1.0') {
    throw apiErrors.signatureIncomplete('SignatureMethod must be HMAC-SHA1 and SignatureVersion 1.0');
  }
  const key = keyOf(findKey, accessKeyId, parameters.get('SecurityToken'));
  const unsigned = new Map(parameters);
  unsigned.delete('Signature');
  const stringToSign = `${request.method}&${encode('/')}&${encode(canonicalQuery(unsigned))}`;
  const expected = createHmac('sha1', `${key.accessKeySecret}&`).update(stringToSign).digest('base64');
  if (!equal(expected, signature)) throw apiErrors.signatureMismatch(stringToSign);
  return signed(key, parameters.get('SignatureNonce'), parameters.get('Timestamp'));
}

function signed(key: AccessKey, nonce: string | undefined, timestamp: string | undefined): Signed {
  if (nonce === undefined || nonce === '') throw apiErrors.missing('SignatureNonce');
  if (nonce.length > maxNonceLength) throw apiErrors.invalid('SignatureNonce');
  if (timestamp === undefined || timestamp === '') throw apiErrors.missing('Timestamp');
  return { key, nonce, timestamp };
}

function keyOf(findKey: FindKey, accessKeyId: string, securityToken: string | undefined): AccessKey {
  const key = findKey(accessKeyId);
  if (key === undefined) throw apiErrors.keyUnknown();
  if (key.securityToken !== null && securityToken === undefined) throw apiErrors.missing('SecurityToken');
  if ((securityToken ?? null) !== key.securityToken) throw apiErrors.securityTokenMismatch();
  return key;
}

function canonicalQuery(pairs: ReadonlyMap<string, string>): string {
  return [...pairs.keys()]
    .sort()
    .map((name) => `${encode(name)}=${encode(pairs.get(name) ?? '')}`)
    .join('&');
}

/** RFC 3986, section 2.3: everything but the unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function equal(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
