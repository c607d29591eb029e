#!/usr/bin/env bash
# The length that z.string().min() and .max() count changed within zod 4: 4.0.17 counts UTF-16 units, as String.length does, and 4.6.7
# code points, as JSON Schema and SQL's length() do. One thumb is two to the one and one to the other.
# What follows for us: lengths are counted as the pinned zod counts, and a test compares the two on ten thousand texts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . older@npm:zod@4.0.17 newer@npm:zod@4.6.7 >/dev/null
cat > count.mjs <<'JS'
import { z as newer } from 'newer'
import { z as older } from 'older'

const takes = (z) => z.string().max(1).safeParse('\u{1F44D}').success
const seen = `${takes(older)} ${takes(newer)}`
console.log(`max(1) takes one thumb: zod 4.0.17 ${takes(older)}, zod 4.6.7 ${takes(newer)}`)
if (seen !== 'false true') process.exit(1)
JS
node count.mjs
