// Exits 0 when the gateway in this container is alive. It asks over HTTP and, where the gateway speaks TLS, over HTTPS
// without looking at the certificate, which need not be for the loopback address. A gateway that demands client
// certificates answers neither: run that container with --no-healthcheck and let the platform probe it.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');

const timeoutMs = 2_000;

async function isAlive(scheme: 'http' | 'https'): Promise<boolean> {
  const url = `${scheme}://127.0.0.1:${process.env.PORT ?? '8080'}/livez`;
  return fetch(url, { signal: AbortSignal.timeout(timeoutMs) }).then(
    (answer) => answer.ok,
    () => false,
  );
}

process.exitCode = (await isAlive('http')) || (await isAlive('https')) ? 0 : 1;
