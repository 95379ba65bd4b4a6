import { classErrors, commonErrors, type UpstreamErrorRow } from '../upstream/errors.ts';

/** The documented code of a gateway that does not exist; 400 or 404, by operation and page of the reference. */
export const gatewayNotFound = 'InvalidVpnGatewayInstanceId.NotFound';

const forbidden = {
  httpStatus: '403',
  problem: 'UPSTREAM_FORBIDDEN',
  effect: 'none',
  retry: false,
} as const;

/** The errors that the API reference of DeleteEnhancedVpnGateway names, and those of its ClientToken. */
export const gatewayErrors: readonly UpstreamErrorRow[] = [
  {
    on: 'VpnGateway.Configuring',
    httpStatus: '400',
    problem: 'GATEWAY_CONFIGURING',
    effect: 'none',
    retry: true,
    meaning: 'The gateway is being configured, and the cloud deletes none while it is.',
    remedy: 'Ask again in a few minutes, when the gateway is active.',
  },
  {
    on: 'TaskConflict',
    httpStatus: '400',
    problem: 'GATEWAY_TASK_CONFLICT',
    effect: 'none',
    retry: true,
    meaning: 'Another task of the cloud works on the gateway or its addresses.',
    remedy: 'Ask again in a minute.',
  },
  {
    on: gatewayNotFound,
    httpStatus: '400, 404',
    problem: 'GATEWAY_NOT_FOUND',
    effect: 'none',
    retry: false,
    meaning: 'The cloud knows no gateway of this id in this region and account.',
    remedy: 'Check the id and the region; if it was deleted before, there is nothing left to do.',
  },
  {
    on: 'VpnDependencyViolation.VpnConnection',
    httpStatus: '400',
    problem: 'GATEWAY_HAS_CONNECTIONS',
    effect: 'none',
    retry: false,
    meaning: 'IPsec connections still use the gateway.',
    remedy: 'Delete its IPsec connections first, then ask again.',
  },
  {
    on: 'ForbiddenRelease',
    httpStatus: '403',
    problem: 'GATEWAY_PREPAID_IN_TERM',
    effect: 'none',
    retry: false,
    meaning: 'The gateway is prepaid, and its term has not ended.',
    remedy: 'Wait for the end of the term, or have the subscription refunded in the console of the cloud.',
  },
  {
    on: 'Forbidden.SubUser',
    ...forbidden,
    meaning: 'The account was created by another one, which keeps this right to itself.',
    remedy:
      'An operator of Portcullis must have its RAM identity granted the action; asking again changes nothing.',
  },
  {
    on: 'Forbidden',
    ...forbidden,
    meaning: 'The RAM identity of Portcullis has no right to this gateway.',
    remedy:
      'An operator of Portcullis must have its RAM identity granted the action; asking again changes nothing.',
  },
  {
    on: 'IdempotentParameterMismatch',
    httpStatus: '400',
    problem: 'UPSTREAM_TOKEN_MISMATCH',
    effect: 'none',
    retry: false,
    meaning: 'The cloud knows the ClientToken of this deletion from a request with other parameters.',
    remedy:
      'Ask again for a new deletion with a new token, and report this: tokens of Portcullis are never used twice.',
  },
];

/** What every answer to DeleteEnhancedVpnGateway is judged by, the classes of answers without a code apart. */
export const deleteErrors: readonly UpstreamErrorRow[] = [...gatewayErrors, ...commonErrors];

/** The whole table as Markdown, for the documentation. */
export function errorTableMarkdown(): string {
  const head = [
    '| The cloud answers | HTTP | Portcullis says | Effect | Tried again | Meaning | What to do |',
    '|---|---|---|---|---|---|---|',
  ];
  const rows = [...deleteErrors, ...classErrors].map((row) =>
    [
      '',
      ` ${row.on.startsWith('[') ? row.on.slice(1, -1).replaceAll('_', ' ') : `\`${row.on}\``} `,
      ` ${row.httpStatus} `,
      ` \`${row.problem}\` `,
      row.effect === 'none' ? ' none ' : ' unknown: looks ',
      row.retry ? ' yes ' : ' no ',
      ` ${row.meaning} `,
      ` ${row.remedy} `,
      '',
    ].join('|'),
  );
  return `${[...head, ...rows].join('\n')}\n`;
}
