import { buildPolicy } from '../policy/authoring/build.ts';
import { checkPolicy } from '../policy/authoring/check.ts';
import { findOpa, type Opa } from '../policy/authoring/opa.ts';
import { type AuthoringReport, testPolicy } from '../policy/authoring/test.ts';
import { type Command, type CommandContext, CommandError } from './command.ts';

const needsOpa = 'Needs OPA 1.22.2 on the PATH, or its path in the environment variable OPA.';

/** `portcullis policy build DIR`. */
export const policyBuild = policyCommand({
  name: 'policy build',
  summary: 'Compile the policy sources in DIR into DIR/bundle.tar.gz.',
  help: `Usage: portcullis policy build DIR\n\nThe bundle's revision is the digest of its sources. ${needsOpa}`,
  async run(dir, opa, { stdout }) {
    const { path, revision } = await buildPolicy(dir, opa);
    stdout(`Wrote ${path}, revision ${revision}.`);
  },
});

/** `portcullis policy test DIR`. */
export const policyTest = policyCommand({
  name: 'policy test',
  summary: 'Run the unit tests (100% coverage) and the golden cases of DIR in OPA and in WASM.',
  help: `Usage: portcullis policy test DIR\n\n${needsOpa}`,
  run: async (dir, opa, context) => report(await testPolicy(dir, opa), context),
});

/** `portcullis policy check DIR`. */
export const policyCheck = policyCommand({
  name: 'policy check',
  summary: 'Check format, types, conventions, and that the bundle in DIR is what its sources compile to.',
  help: `Usage: portcullis policy check DIR\n\n${needsOpa}`,
  run: async (dir, opa, context) => report(await checkPolicy(dir, opa), context),
});

function policyCommand(definition: {
  name: string;
  summary: string;
  help: string;
  run: (dir: string, opa: Opa, context: CommandContext) => Promise<void>;
}): Command {
  const { name, summary, help, run } = definition;
  return {
    name,
    summary,
    help,
    options: {},
    positionals: { min: 1, max: 1 },
    async run(_values, [dir = ''], context) {
      await run(dir, await findOpa(context.environment), context);
    },
  };
}

function report({ problems, summary }: AuthoringReport, { stdout }: CommandContext): void {
  if (problems.length > 0) throw new CommandError(problems.join('\n'));
  stdout(summary);
}
