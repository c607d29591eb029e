# A Slipway worker, or a gateway (`dist/gateway.js`): generic, so it is built once and not for every pipeline.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev
# Binaries of other systems that packages bring along.
RUN rm -rf node_modules/onnxruntime-node/bin/napi-v*/darwin node_modules/onnxruntime-node/bin/napi-v*/win32 \
      node_modules/@temporalio/core-bridge/releases/*darwin* node_modules/@temporalio/core-bridge/releases/*windows*

FROM node:20-bookworm-slim AS runtime
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
# glibc keeps what large bodies took for good otherwise: after the first it takes them for usual.
ENV NODE_ENV=production HOME=/tmp AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true \
    MALLOC_MMAP_THRESHOLD_=131072
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# Where a gateway keeps what must outlast it.
RUN mkdir -p /var/lib/slipway && chown node:node /var/lib/slipway
USER node
CMD ["node", "--enable-source-maps", "dist/worker.js"]
