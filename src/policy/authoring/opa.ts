import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { OperatorError } from '../../errors.ts';

/** The one version whose compiler made the committed bundle; another one compiles other bytes. */
export const opaVersion = '1.22.2';

/** The OPA command line. Policy authors need it; the gateway itself does not. */
export type Opa = {
  /** Path of the program. */
  readonly path: string;
  /** Runs one command; `cwd` decides how files are named in the output. Resolves whatever the exit code is. */
  run(args: readonly string[], options: { cwd: string; stdin?: string }): Promise<OpaOutput>;
};

export type OpaOutput = { exitCode: number; stdout: string; stderr: string };

/** What stands in the way of working on policies, and what to do about it. For people: `message` is all they need. */
export class AuthoringError extends OperatorError {
  override readonly name = 'AuthoringError';
}

/**
 * Finds OPA: the program that the variable OPA names, else the first `opa` on PATH. Throws AuthoringError when there is
 * none or when it is of another version.
 */
export async function findOpa(environment: Readonly<Record<string, string | undefined>>): Promise<Opa> {
  const path = await locate(environment);
  const opa: Opa = { path, run: (args, options) => run(path, args, options) };
  const output = await opa.run(['version'], { cwd: '.' });
  const version = /^Version: (\S+)$/m.exec(output.stdout)?.[1];
  if (version === opaVersion) return opa;
  throw new AuthoringError(
    `${path} is OPA ${version ?? 'of an unknown version'}, and the committed bundle is made with OPA ${opaVersion}. ${howToInstall}`,
  );
}

/** The standard output of a command that must succeed; throws AuthoringError with what OPA said otherwise. */
export async function runOrThrow(
  opa: Opa,
  what: string,
  args: readonly string[],
  options: { cwd: string; stdin?: string },
): Promise<string> {
  const output = await opa.run(args, options);
  if (output.exitCode === 0) return output.stdout;
  throw new AuthoringError(`${what} failed:\n${(output.stderr || output.stdout).trim()}`);
}

const howToInstall = `Install it with: go install github.com/open-policy-agent/opa@v${opaVersion} (it lands in "$(go env GOPATH)/bin"), then put that folder on PATH or name the program in the variable OPA.`;

async function locate(environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  if (environment.OPA) {
    if (await isExecutable(environment.OPA)) return environment.OPA;
    throw new AuthoringError(
      `The variable OPA names ${environment.OPA}, which cannot be run. ${howToInstall}`,
    );
  }
  for (const folder of (environment.PATH ?? '').split(delimiter).filter(Boolean)) {
    const candidate = join(folder, 'opa');
    if (await isExecutable(candidate)) return candidate;
  }
  throw new AuthoringError(`Working on policies needs OPA, and there is no opa on PATH. ${howToInstall}`);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function run(
  path: string,
  args: readonly string[],
  options: { cwd: string; stdin?: string },
): Promise<OpaOutput> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      path,
      [...args],
      { cwd: options.cwd, maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve({ exitCode: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ exitCode: error.code, stdout, stderr });
        else reject(new AuthoringError(`${path} could not be run: ${error.message}`, { cause: error }));
      },
    );
    // OPA may end without reading its input; its exit code and what it wrote then say why.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.stdin ?? '');
  });
}
