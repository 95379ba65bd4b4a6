import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { apiErrors } from './api-error.ts';
import type { RpcRequest } from './rpc-request.ts';

export type AccessKey = {
  accessKeyId: string;
  accessKeySecret: string;
  accountId: string;
  /** For temporary keys: the token that must come along; null for long-lived keys. */
  securityToken: string | null;
};

/** What a signature vouches for. */
export type Signed = { key: AccessKey; nonce: string; timestamp: string };

/** Finds a key by its id. */
export type FindKey = (accessKeyId: string) => AccessKey | undefined;

const v3 = 'ACS3-HMAC-SHA256';

/**
 * Verifies the signature, in the form that the request uses: ACS3-HMAC-SHA256 in the header, or HMAC-SHA1 in the
 * parameters. Throws ApiError as the front end would. Nonce and time window are the caller's to check.
 */
export function verifySignature(request: RpcRequest, findKey: FindKey): Signed {
  return request.headers.authorization === undefined
    ? verifyV2(request, findKey)
    : verifyV3(request, findKey);
}

function verifyV3(request: RpcRequest, findKey: FindKey): Signed {
  const { headers } = request;
  const authorization =
    /^ACS3-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  const [, accessKeyId = '', list = '', signature = ''] = authorization ?? [];
  if (authorization === null) throw apiErrors.signatureIncomplete('the Authorization header is malformed');
  const signedHeaders = list.split(';');
  const mustBeSigned = Object.keys(headers).filter((name) => name.startsWith('x-acs-') || name === 'host');
  for (const name of mustBeSigned) {
    if (!signedHeaders.includes(name))
      throw apiErrors.signatureIncomplete(`the header ${name} is not signed`);
  }
  const bodyHash = createHash('sha256').update(request.body).digest('hex');
  if (headers['x-acs-content-sha256'] !== bodyHash) {
    throw apiErrors.signatureIncomplete('x-acs-content-sha256 is not the digest of the body');
  }
  const key = keyOf(findKey, accessKeyId, headers['x-acs-security-token']);
  const canonicalHeaders = signedHeaders.map((name) => `${name}:${(headers[name] ?? '').trim()}\n`).join('');
  const canonicalRequest = [
    request.method,
    request.pathname,
    canonicalQuery(request.query),
    canonicalHeaders,
    list,
    bodyHash,
  ].join('\n');
  const stringToSign = `${v3}\n${createHash('sha256').update(canonicalRequest).digest('hex')}`;
  const expected = createHmac('sha256', key.accessKeySecret).update(stringToSign).digest('hex');
  if (!equal(expected, signature)) throw apiErrors.signatureMismatch(stringToSign);
  const nonce = headers['x-acs-signature-nonce'];
  if (nonce === undefined || nonce === '') throw apiErrors.missing('SignatureNonce');
  return { key, nonce, timestamp: headers['x-acs-date'] ?? '' };
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
  const signed = new Map(parameters);
  signed.delete('Signature');
  const stringToSign = `${request.method}&${encode('/')}&${encode(canonicalQuery(signed))}`;
  const expected = createHmac('sha1', `${key.accessKeySecret}&`).update(stringToSign).digest('base64');
  if (!equal(expected, signature)) throw apiErrors.signatureMismatch(stringToSign);
  const nonce = parameters.get('SignatureNonce');
  if (nonce === undefined || nonce === '') throw apiErrors.missing('SignatureNonce');
  return { key, nonce, timestamp: parameters.get('Timestamp') ?? '' };
}

function keyOf(findKey: FindKey, accessKeyId: string, securityToken: string | undefined): AccessKey {
  const key = findKey(accessKeyId);
  if (key === undefined) throw apiErrors.keyUnknown();
  if ((securityToken ?? null) !== key.securityToken) throw apiErrors.securityTokenInvalid();
  return key;
}

function canonicalQuery(pairs: ReadonlyMap<string, string>): string {
  return [...pairs.keys()]
    .sort()
    .map((name) => `${encode(name)}=${encode(pairs.get(name) ?? '')}`)
    .join('&');
}

/** RFC 3986: everything but the unreserved characters. */
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
