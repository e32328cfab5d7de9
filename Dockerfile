# The image of the gateway: its code, its dependencies and Node on a base without shell or package manager.
#
#   docker build -t sluice:0.1.0 .
#   docker run --rm --read-only -p 8080:8080 -v "$PWD/sluice.yaml:/etc/sluice/sluice.yaml:ro" sluice:0.1.0
#
# Node is the one that package-lock.json pins and that the tests run on, so the base has only what it links to.
# docker/rootfs.ts makes the same root filesystem where there is no builder: RUN steps use paths below WORKDIR.
ARG NODE_IMAGE=docker.io/library/node:24-trixie-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian13:nonroot

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund \
 && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
# The first line of main.js names env, which the base does not have.
RUN npm run build -- --declaration false --sourceMap false \
 && sed -i '1s|.*|#!/usr/local/bin/node|' dist/main.js \
 && chmod 755 dist/main.js \
 && mkdir bin \
 && ln -s ../lib/sluice/dist/main.js bin/sluice

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="sluice" \
      org.opencontainers.image.description="A drop-in HTTP throttling gateway whose instances all enforce the same limits." \
      org.opencontainers.image.licenses="Apache-2.0"
# What changes least comes first, so that a new version shares these layers with the last.
COPY --from=build /build/node_modules/node/bin/node /usr/local/bin/node
COPY --from=dependencies /build/node_modules /usr/local/lib/sluice/node_modules
COPY package.json LICENSE /usr/local/lib/sluice/
COPY lua /usr/local/lib/sluice/lua
COPY --from=build /build/dist /usr/local/lib/sluice/dist
COPY --from=build /build/bin/ /usr/local/bin/
WORKDIR /etc/sluice
# By number, so that a platform can see that it is not root.
USER 65532:65532
EXPOSE 8080 9090 7946/tcp 7946/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["sluice", "healthcheck"]
ENTRYPOINT ["sluice"]
CMD ["run", "--config", "/etc/sluice/sluice.yaml"]
