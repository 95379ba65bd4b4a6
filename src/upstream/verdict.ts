import { Problem, type UpstreamReport } from '../errors.ts';
import { classRow, type UpstreamErrorRow } from './errors.ts';
import type { OkReply, RpcCall, RpcReply } from './reply.ts';

/** Any reply but a success. */
export type FailedReply = Exclude<RpcReply, OkReply>;

/**
 * The row that a reply falls under, out of `rows` (exact codes before prefixes) or the classes of answers. A code that
 * proves "no effect" proves it only under a status below 500: a server that failed may have failed half-way.
 */
export function judge(rows: readonly UpstreamErrorRow[], reply: FailedReply): UpstreamErrorRow {
  if (reply.kind !== 'refused') return classRow(reply.reason);
  const { code, httpStatus } = reply;
  const row =
    rows.find(({ on }) => on === code) ??
    rows.find(({ on }) => on.endsWith('*') && code.startsWith(on.slice(0, -1)));
  if (
    httpStatus >= 500 &&
    (row === undefined || (row.effect === 'none' && row.problem !== 'UPSTREAM_THROTTLED'))
  ) {
    return classRow('other_5xx');
  }
  return row ?? classRow('other_4xx');
}

/** What a caller may know of the reply. Null when nothing was sent. */
export function reportOf(call: Pick<RpcCall, 'service' | 'action'>, reply: RpcReply): UpstreamReport | null {
  const { service, action } = call;
  switch (reply.kind) {
    case 'ok':
      return { service, action, code: null, requestId: reply.requestId, httpStatus: 200 };
    case 'refused':
      return { service, action, code: reply.code, requestId: reply.requestId, httpStatus: reply.httpStatus };
    case 'ambiguous':
      return { service, action, code: null, requestId: reply.requestId, httpStatus: reply.httpStatus };
    case 'not_sent':
      return null;
  }
}

/**
 * The problem that a reply ends in, when nothing was deleted. The cloud's own words go into `cause`, which is logged
 * and not answered.
 */
export function problemOf(
  row: UpstreamErrorRow,
  call: Pick<RpcCall, 'service' | 'action'>,
  reply: FailedReply,
): Problem {
  const upstream = reportOf(call, reply);
  const retryAfterMs = reply.kind === 'refused' ? reply.retryAfterMs : null;
  return new Problem(row.problem, `${row.meaning} Nothing was deleted. ${row.remedy}`, {
    cause: causeOf(call, reply),
    ...(upstream === null ? {} : { upstream }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ...(row.problem === 'INVALID_REQUEST' ? { fields: ['regionId'] } : {}),
  });
}

function causeOf(call: Pick<RpcCall, 'action'>, reply: FailedReply): Error {
  const said =
    reply.kind === 'refused' ? `${reply.code}: ${reply.message}` : `${reply.reason}: ${reply.cause}`;
  return new Error(`${call.action} ended as ${reply.kind}, ${said}`);
}
