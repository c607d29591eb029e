import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { nativePackages, packageFor } from '../../lib/code/native-packages.ts'
import { withoutOthersTypes } from '../../packages/slipway-dataframe/types.mts'
import { carried } from '../../scripts/carry-packages.mjs'
import { forUsers, nativeManifest, notices, packageFolders } from '../../scripts/users-manifest.mjs'

const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
const published = forUsers(manifest, nativePackages, { wabt: '1.0.39' }) as typeof manifest

describe('the package that users install', () => {
  it('depends on what has binaries or types that users need, and on nothing else', () => {
    expect(Object.keys(published.dependencies).sort()).toEqual([
      '@duckdb/node-bindings',
      'esbuild',
      'oxc-parser',
      'zod',
    ])
  })

  it('brings the binaries of a system by an optional dependency, with the version that is pinned here', () => {
    for (const of of ['onnxruntime-node', '@temporalio/core-bridge'] as const) {
      const { version, folders } = nativePackages[of]
      expect(version).toBe(manifest.dependencies[of])
      for (const system of Object.keys(folders))
        expect(published.optionalDependencies[packageFor(of, system)]).toBe(version)
    }
  })

  it('leaves DataFrames to those who want them', () => {
    const dataframe = JSON.parse(readFileSync(join(packageRoot, 'packages/slipway-dataframe/package.json'), 'utf8'))
    expect(published.peerDependencies['slipway-dataframe']).toBe(dataframe.version)
    expect(published.peerDependenciesMeta['slipway-dataframe']).toEqual({ optional: true })
    expect(dataframe.bundled).toEqual({ 'danfojs-node': manifest.dependencies['danfojs-node'] })
  })

  it('says which versions of others are inside it', () => expect(published.bundled).toEqual({ wabt: '1.0.39' }))
})

describe('a package of binaries', () => {
  const of = nativePackages['@temporalio/core-bridge']
  it('is for one system, and says where its bytes are from', () => {
    expect(nativeManifest('@temporalio/core-bridge', of, 'linux-arm64', 'sha512-x')).toMatchObject({
      name: 'slipway-temporal-bridge-linux-arm64',
      os: ['linux'],
      cpu: ['arm64'],
      libc: ['glibc'],
      main: 'index.node',
      from: { package: '@temporalio/core-bridge', version: of.version, integrity: 'sha512-x' },
    })
  })
  it('asks for a C library on Linux alone', () =>
    expect(nativeManifest('x', of, 'win32-x64', 'sha512-x')).not.toHaveProperty('libc'))
})

describe('packages inside', () => {
  it('are found by where the sources of maps lie', () => {
    expect(
      packageFolders([
        '../../node_modules/pg/lib/index.js',
        '../../node_modules/@a/b/node_modules/c/x.js',
        '../../lib/code/host.ts',
        'node_modules/pg/lib/pool.js',
      ]),
    ).toEqual(['node_modules/@a/b/node_modules/c', 'node_modules/pg'])
  })

  it('have their licences written down, those with one text together', () => {
    const text = notices([
      { name: 'a', version: '1.0.0', license: 'MIT', text: 'Do as you like.\r\n' },
      { name: 'b', version: '2.0.0', license: 'MIT', text: 'Do as you like.' },
      { name: 'c', version: '3.0.0', license: 'ISC' },
    ])
    expect(text).toContain('a 1.0.0 (MIT)\nb 2.0.0 (MIT)\n\nDo as you like.\n')
    expect(text).toContain('c 3.0.0 (ISC)\n\nLicence: ISC\n')
  })

  it('are refused where a new version has other words at a place that is changed', () => {
    const file = '/x/node_modules/onnxruntime-node/dist/binding.js'
    expect(() => carried(file, 'exports.binding = require("elsewhere")')).toThrow(/no longer as it was/)
    expect(carried('/x/node_modules/onnxruntime-node/dist/index.js', 'as it is')).toBe('as it is')
    expect(carried('/x/node_modules/zod/v4/locales/index.js', 'sixty languages')).toBe(
      "export { default as en } from './en.js'",
    )
  })
})

it('declarations of danfojs look for those of other packages in one file beside them', () => {
  const text =
    '/// <reference types="node" />\nimport { A } from "table";\nimport s from \'stream\';\nimport B from "./b";\n'
  expect(withoutOthersTypes(text, '../others')).toBe(
    "import { A } from '../others';\nimport s from '../others';\nimport B from \"./b\";\n",
  )
})
