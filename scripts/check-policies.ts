// `policy check` and `policy test` on the committed policies. Where OPA is missing it says so and passes, because
// nobody needs OPA to work on the gateway; in continuous integration (CI=true) its absence is a failure.
import { fileURLToPath } from 'node:url';
import { checkPolicy } from '../src/policy/authoring/check.ts';
import { AuthoringError, findOpa, type Opa } from '../src/policy/authoring/opa.ts';
import { testPolicy } from '../src/policy/authoring/test.ts';

const policies = fileURLToPath(new URL('../policies', import.meta.url));

async function opaOrNull(): Promise<Opa | null> {
  try {
    return await findOpa(process.env);
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof AuthoringError)) throw error;
    console.warn(`SKIPPED: the policies are not checked. ${error.message}`);
    return null;
  }
}

const opa = await opaOrNull();
if (opa !== null) {
  for (const look of [checkPolicy, testPolicy]) {
    const { problems, summary } = await look(policies, opa);
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) process.exitCode = 1;
    console.log(summary);
  }
}
