import type { ErrorCode } from '../errors.ts';
import type { AmbiguousReason, NotSentReason } from './reply.ts';

/** What one answer of the cloud means, and what is done about it. */
export type UpstreamErrorRow = {
  /** The cloud's code; ending in `*`, every code that begins so. In brackets, a class of answers that has no code. */
  on: string;
  /** The HTTP statuses it is known under, for the reader. */
  httpStatus: string;
  /** What the caller is told when it ends the matter. */
  problem: ErrorCode;
  /** `none`: the call certainly changed nothing. `ambiguous`: only a look at the resource can tell. */
  effect: 'none' | 'ambiguous';
  /** Whether the same call, with the same ClientToken, may be made again within the deadline. */
  retry: boolean;
  meaning: string;
  remedy: string;
};

const operator = 'An operator of Portcullis must act; asking again changes nothing.';

/** Codes that any API of the cloud may answer with. */
export const commonErrors: readonly UpstreamErrorRow[] = [
  {
    on: 'Throttling*',
    httpStatus: '400, 429, 503',
    problem: 'UPSTREAM_THROTTLED',
    effect: 'none',
    retry: true,
    meaning: 'The cloud limits how often this account may call it.',
    remedy: 'Ask again after the time in Retry-After, or in a minute.',
  },
  {
    on: 'Rejected.Throttling',
    httpStatus: '400, 429, 503',
    problem: 'UPSTREAM_THROTTLED',
    effect: 'none',
    retry: true,
    meaning: 'The cloud limits how often this account may call it.',
    remedy: 'Ask again after the time in Retry-After, or in a minute.',
  },
  {
    on: 'InternalError',
    httpStatus: '400, 500',
    problem: 'UPSTREAM_ERROR',
    effect: 'ambiguous',
    retry: true,
    meaning: 'The cloud failed for a reason that it does not name.',
    remedy: 'Ask again in a minute; if it lasts, give the upstream request id to the support of the cloud.',
  },
  {
    on: 'ServiceUnavailable*',
    httpStatus: '503',
    problem: 'UPSTREAM_ERROR',
    effect: 'ambiguous',
    retry: true,
    meaning: 'The API of the cloud is unavailable for now.',
    remedy: 'Ask again in a minute.',
  },
  {
    on: 'SignatureNonceUsed',
    httpStatus: '400',
    problem: 'UPSTREAM_IDENTITY_REFUSED',
    // Each attempt signs with a fresh nonce: a used one means that this very request arrived before, and may have acted.
    effect: 'ambiguous',
    retry: true,
    meaning: 'The cloud received one signed request twice, so something on the way repeats requests.',
    remedy: `${operator} Look for a proxy between Portcullis and the cloud that sends requests again.`,
  },
  ...(
    [
      ['SignatureDoesNotMatch', '400, 403', 'The cloud computes another signature than Portcullis sent.'],
      ['IncompleteSignature', '400', 'The cloud finds the signature of Portcullis incomplete.'],
      ['InvalidAccessKeyId.NotFound', '400, 404', 'The cloud does not know the access key of Portcullis.'],
      ['InvalidAccessKeyId.Inactive', '400', 'The access key of Portcullis is disabled.'],
      ['InvalidSecurityToken*', '400, 403', 'The cloud does not accept the session token of Portcullis.'],
      ['MissingSecurityToken', '400', 'The cloud expects a session token with these credentials.'],
    ] as const
  ).map(
    ([on, httpStatus, meaning]): UpstreamErrorRow => ({
      on,
      httpStatus,
      problem: 'UPSTREAM_IDENTITY_REFUSED',
      effect: 'none',
      retry: false,
      meaning,
      remedy: `${operator} Check the credentials that it is configured with.`,
    }),
  ),
  ...(
    [
      [
        'InvalidTimeStamp*',
        '400',
        'The cloud finds the time of the request more than 15 minutes off, or malformed.',
      ],
      ['IllegalTimestamp', '400', 'The cloud does not accept the time of the request.'],
    ] as const
  ).map(
    ([on, httpStatus, meaning]): UpstreamErrorRow => ({
      on,
      httpStatus,
      problem: 'UPSTREAM_IDENTITY_REFUSED',
      effect: 'none',
      retry: false,
      meaning,
      remedy: `${operator} Set the clock of the machine that it runs on.`,
    }),
  ),
  {
    on: 'Forbidden.RAM',
    httpStatus: '403',
    problem: 'UPSTREAM_FORBIDDEN',
    effect: 'none',
    retry: false,
    meaning: 'The RAM policy of Portcullis does not allow this call.',
    remedy: `${operator} Grant its RAM identity the action named under upstream.`,
  },
  ...(['MissingParameter', 'InvalidParameter', 'InvalidAction*', 'UnsupportedHTTPMethod'] as const).map(
    (on): UpstreamErrorRow => ({
      on,
      httpStatus: '400, 403, 404',
      problem: 'UPSTREAM_ERROR',
      effect: 'none',
      retry: false,
      meaning: 'The cloud does not accept the form of the request that Portcullis built.',
      remedy: `${operator} Check the configured endpoint; if it is right, report a defect.`,
    }),
  ),
];

/** A class of answers that carries no code of its own, or one that nobody documents. */
export type AnswerClass = AmbiguousReason | NotSentReason | 'other_5xx' | 'other_4xx';

type ClassRow = Omit<UpstreamErrorRow, 'on'>;

const lost = 'Nobody can tell from here whether the call arrived.';
const unintelligible = 'Something between Portcullis and the cloud, or the cloud itself, answered.';

/** What is made of everything else. Every class has a row: a new one does not compile without. */
const classRows: Record<AnswerClass, ClassRow> = {
  other_4xx: {
    httpStatus: '4xx',
    problem: 'UPSTREAM_ERROR',
    effect: 'ambiguous',
    retry: false,
    meaning: 'The cloud refused with a code that its API reference does not name.',
    remedy: 'Look the code up under upstream.code, and ask again when its cause is gone.',
  },
  other_5xx: {
    httpStatus: '5xx',
    problem: 'UPSTREAM_ERROR',
    effect: 'ambiguous',
    retry: true,
    meaning: 'The cloud failed while it worked on the request.',
    remedy: 'Ask again in a minute.',
  },
  timeout: {
    httpStatus: '–',
    problem: 'UPSTREAM_TIMEOUT',
    effect: 'ambiguous',
    retry: true,
    meaning: `The cloud gave no complete answer in time. ${lost}`,
    remedy: 'Ask again in a minute.',
  },
  connection_lost: {
    httpStatus: '–',
    problem: 'UPSTREAM_TIMEOUT',
    effect: 'ambiguous',
    retry: true,
    meaning: `The connection to the cloud broke before its answer was complete. ${lost}`,
    remedy: 'Ask again in a minute.',
  },
  aborted_in_flight: {
    httpStatus: '–',
    problem: 'SHUTTING_DOWN',
    effect: 'ambiguous',
    retry: false,
    meaning: 'This instance stopped while it waited for the cloud.',
    remedy: 'Ask again; another instance, or this one when it is back, will answer.',
  },
  redirect: {
    httpStatus: '3xx',
    problem: 'UPSTREAM_UNINTELLIGIBLE',
    effect: 'ambiguous',
    retry: true,
    meaning: `The answer sends Portcullis elsewhere, which it does not follow. ${unintelligible}`,
    remedy: `${operator} Check the configured endpoint and the proxies on the way.`,
  },
  unreadable: {
    httpStatus: 'any',
    problem: 'UPSTREAM_UNINTELLIGIBLE',
    effect: 'ambiguous',
    retry: true,
    meaning: `The answer is empty, is no JSON (a web page, say), or is JSON of another shape. ${unintelligible}`,
    remedy:
      'Ask again in a minute; if it lasts, an operator must check the endpoint and the proxies on the way.',
  },
  no_request_id: {
    httpStatus: '200',
    problem: 'UPSTREAM_UNINTELLIGIBLE',
    effect: 'ambiguous',
    retry: true,
    meaning: `The answer claims success without the RequestId that every success carries. ${unintelligible}`,
    remedy:
      'Ask again in a minute; if it lasts, an operator must check the endpoint and the proxies on the way.',
  },
  error_in_success: {
    httpStatus: '200',
    problem: 'UPSTREAM_UNINTELLIGIBLE',
    effect: 'ambiguous',
    retry: false,
    meaning: 'The answer claims success and states an error at once.',
    remedy: 'Ask again in a minute; if it lasts, give the upstream request id to the support of the cloud.',
  },
  region_not_allowed: {
    httpStatus: '–',
    problem: 'INVALID_REQUEST',
    effect: 'none',
    retry: false,
    meaning: 'This Portcullis does not serve the region.',
    remedy: 'Use a region that it serves, or have an operator add this one to its configuration.',
  },
  credentials_unavailable: {
    httpStatus: '–',
    problem: 'CREDENTIALS_UNAVAILABLE',
    effect: 'none',
    retry: false,
    meaning: 'No link of the credentials chain gave Portcullis a key to sign with.',
    remedy: 'Ask again in a minute; if it lasts, an operator must check its role, profile or environment.',
  },
  circuit_open: {
    httpStatus: '–',
    problem: 'UPSTREAM_BUSY',
    effect: 'none',
    retry: false,
    meaning: 'Most recent calls to this region failed, so Portcullis suspends them for a short while.',
    remedy: 'Ask again in half a minute.',
  },
  concurrency_limit: {
    httpStatus: '–',
    problem: 'UPSTREAM_BUSY',
    effect: 'none',
    retry: false,
    meaning: 'As many calls to this region as Portcullis allows itself are under way.',
    remedy: 'Ask again in a few seconds.',
  },
  no_connection: {
    httpStatus: '–',
    problem: 'UPSTREAM_TIMEOUT',
    effect: 'none',
    retry: true,
    meaning: 'No connection to the endpoint of the cloud could be made, so the call was never sent.',
    remedy:
      'Ask again in a minute; if it lasts, an operator must check name resolution, routes and the endpoint.',
  },
  permission_over: {
    httpStatus: '–',
    problem: 'UPSTREAM_TIMEOUT',
    effect: 'none',
    retry: false,
    meaning: 'The time in which this instance may send the call was over before it could.',
    remedy:
      'Ask again; if it lasts, this machine is overloaded or its clock jumps, and an operator must see to it.',
  },
  aborted_before_sending: {
    httpStatus: '–',
    problem: 'SHUTTING_DOWN',
    effect: 'none',
    retry: false,
    meaning: 'This instance stopped before it called the cloud.',
    remedy: 'Ask again; another instance, or this one when it is back, will answer.',
  },
};

/** The row of a class of answers; its `on` is the class in brackets. */
export function classRow(name: AnswerClass): UpstreamErrorRow {
  return { on: `[${name}]`, ...classRows[name] };
}

/** The rows of all classes of answers, in the order of the documentation. */
export const classErrors: readonly UpstreamErrorRow[] = (Object.keys(classRows) as AnswerClass[]).map(
  classRow,
);
