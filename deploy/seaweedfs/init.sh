#!/bin/sh
# Makes every write to the buckets reach the disk before it is acknowledged, and creates the bucket. Safe to run again.
set -eu
: "${S3_BUCKET:?}"

# `weed shell` hangs where the master does not answer, and ends with 0 whatever happened: so a limit, and a look afterwards.
shell() {
  printf '%s\n' "$1" | timeout 60 weed shell -master=seaweedfs:9333 -filer=seaweedfs:8888 2>/dev/null
}
has_bucket() {
  shell 's3.bucket.list' | grep -qE "^ *${S3_BUCKET}[[:space:]]"
}

shell 'fs.configure -locationPrefix=/buckets/ -fsync -apply' >/dev/null
shell 'fs.configure' | tr -d ' \n' | grep -q '"locationPrefix":"/buckets/".*"fsync":true'
has_bucket || shell "s3.bucket.create -name ${S3_BUCKET}"
has_bucket
