// Both src/ and the built dist/ lie directly under the package's root, so the same relative paths serve both.

/** The committed policy bundle. */
export const defaultBundleFile = new URL('../policies/bundle.tar.gz', import.meta.url);
/** JSON schemas of policy input and parameters. */
export const policySchemasDirectory = new URL('../policies/schemas/', import.meta.url);
/** The contract that is served at `/openapi.yaml`. */
export const contractFile = new URL('../openapi.yaml', import.meta.url);
