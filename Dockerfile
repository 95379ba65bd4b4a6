# The tag is exact; to pin the image itself, append the digest that `docker buildx imagetools inspect` prints for it:
# node:24.21.0-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No install script runs: the one native dependency, better-sqlite3, brings its binary in its package.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
# 0.0.0.0 is the container's own network: what is reachable from outside is what the container's platform publishes.
# SQLite's temporary files go beside the database, the one place that can be written to.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    PORTCULLIS_METRICS_HOST=0.0.0.0 \
    PORTCULLIS_STATE_DIR=/var/lib/portcullis \
    SQLITE_TMPDIR=/var/lib/portcullis
WORKDIR /app
# All of it stays root's, so that the user it runs as cannot change it. Node runs the TypeScript of src/ as it is.
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json openapi.yaml LICENSE ./
COPY scripts/container-health.ts ./scripts/
COPY policies/bundle.tar.gz ./policies/
COPY policies/schemas ./policies/schemas
COPY src ./src
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/portcullis

# By number, so that the platform can see that it is not root (runAsNonRoot).
USER 10001:10001
# The root file system may be read-only (docker run --read-only): nothing else is ever written to.
VOLUME /var/lib/portcullis
EXPOSE 8080 9464

# Alive, not ready: restarting a gateway helps nobody when its cloud or its issuers are away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "scripts/container-health.ts"]

# Node is process 1 and gets SIGTERM itself: requests in flight are finished.
ENTRYPOINT ["node", "src/main.ts"]
CMD ["serve"]
