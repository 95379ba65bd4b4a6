import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { OperatorError } from '../errors.ts';

export type TlsFiles = {
  certFile: string;
  keyFile: string;
  /** Authorities of client certificates: given, every client must show one of theirs; null: none is asked for. */
  clientCaFile: string | null;
};

type TlsOptions = SecureContextOptions & { requestCert: boolean; rejectUnauthorized: boolean };

/** Certificates from files, read anew when the files change. */
export type TlsSource = {
  current(): TlsOptions;
  onChange(listener: (options: TlsOptions) => void): void;
  [Symbol.dispose](): void;
};

const pollMs = 2_000;

/**
 * Reads the certificate, the key and the client authorities. Throws OperatorError that names the file at fault. Later
 * changes are taken over only when certificate and key still make a pair; until then the former ones stay, and
 * `onError` is told.
 */
export function openTlsSource(files: TlsFiles, onError: (error: Error) => void): TlsSource {
  let current = load(files);
  const listeners: ((options: TlsOptions) => void)[] = [];
  const paths = [files.certFile, files.keyFile, ...(files.clientCaFile === null ? [] : [files.clientCaFile])];
  const reload = () => {
    try {
      current = load(files);
      for (const listener of listeners) listener(current);
    } catch (error) {
      onError(error as Error);
    }
  };
  // Polling sees what inotify misses: mounted secrets are replaced by switching a symbolic link.
  for (const path of paths) watchFile(path, { interval: pollMs, persistent: false }, reload);
  return {
    current: () => current,
    onChange: (listener) => void listeners.push(listener),
    [Symbol.dispose]() {
      for (const path of paths) unwatchFile(path, reload);
    },
  };
}

function load(files: TlsFiles): TlsOptions {
  const options: TlsOptions = {
    cert: read(files.certFile, 'certificate'),
    key: read(files.keyFile, 'key'),
    ...(files.clientCaFile === null ? {} : { ca: read(files.clientCaFile, 'client authorities') }),
    minVersion: 'TLSv1.2',
    requestCert: files.clientCaFile !== null,
    rejectUnauthorized: files.clientCaFile !== null,
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new OperatorError(
      `${files.certFile} and ${files.keyFile} are no pair of certificate and key in PEM (${(error as Error).message}).`,
      { cause: error },
    );
  }
  return options;
}

function read(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new OperatorError(
      `The TLS ${what} ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      {
        cause: error,
      },
    );
  }
}
