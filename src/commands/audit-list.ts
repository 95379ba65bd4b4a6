import { listAuditRecords, type StoredAuditRecord } from '../audit/log.ts';
import { readStoreSettings } from '../config.ts';
import { openStoreReadOnly } from '../storage/open.ts';
import { type Command, CommandError, textOption } from './command.ts';

const defaultLimit = 50;

/** `portcullis audit list`: reads the database beside a running gateway. */
export const auditList: Command = {
  name: 'audit list',
  summary: 'Print the audit records, oldest first.',
  help: `Usage: portcullis audit list [--state-dir DIR] [--after N] [--limit N] [--operation ID] [--gateway ID]
                             [--subject S] [--code CODE] [--result RESULT] [--json]

  --state-dir DIR   the state directory of the gateway (default: PORTCULLIS_STATE_DIR, else .portcullis)
  --config FILE     the settings of the gateway; with database.url (PORTCULLIS_DATABASE_URL), reads PostgreSQL
  --after N         only records after this sequence number
  --limit N         at most so many (default ${defaultLimit})
  --json            one complete record a line, as JSON, instead of a table

  portcullis audit list --code POLICY_DENIED --json | jq .violations`,
  options: {
    config: { type: 'string' },
    'state-dir': { type: 'string' },
    after: { type: 'string' },
    limit: { type: 'string' },
    operation: { type: 'string' },
    gateway: { type: 'string' },
    subject: { type: 'string' },
    code: { type: 'string' },
    result: { type: 'string' },
    json: { type: 'boolean' },
  },
  positionals: { min: 0, max: 0 },
  async run(values, _positionals, { environment, stdout }) {
    const settings = readStoreSettings(
      textOption(values, 'config'),
      environment,
      textOption(values, 'state-dir'),
    );
    const filter = {
      after: wholeNumber(textOption(values, 'after'), '--after', 0),
      limit: wholeNumber(textOption(values, 'limit'), '--limit', defaultLimit),
      operationId: textOption(values, 'operation'),
      subject: textOption(values, 'subject'),
      resourceId: textOption(values, 'gateway'),
      code: textOption(values, 'code'),
      result: textOption(values, 'result'),
    };
    await using storage = await openStoreReadOnly(settings);
    const records = await listAuditRecords(storage.read, filter);
    if (values.json !== true)
      stdout(row(['#', 'time', 'kind', 'result', 'code', 'subject', 'gateway', 'operation or request']));
    for (const record of records) stdout(values.json === true ? JSON.stringify(record) : row(cells(record)));
  },
};

function wholeNumber(text: string | null, option: string, absent: number): number {
  if (text === null) return absent;
  if (!/^\d{1,15}$/.test(text)) throw new CommandError(`${option} ${text} is no whole number.`);
  return Number(text);
}

const widths = [5, 24, 8, 9, 22, 20, 24, 0];

function row(values: readonly string[]): string {
  return values
    .map((value, index) => value.padEnd(widths[index] ?? 0))
    .join(' ')
    .trimEnd();
}

function cells(record: StoredAuditRecord): string[] {
  return [
    String(record.sequence),
    record.time,
    record.kind,
    record.result,
    record.code ?? record.authenticationRefusal ?? '-',
    // A subject comes from a token: nothing in it may move the cursor of a terminal.
    (record.principal?.subject ?? '-').replaceAll(/[^\x20-\x7e]/g, '?'),
    record.request?.resourceId ?? '-',
    record.operationId ?? record.origin.requestId,
  ];
}
