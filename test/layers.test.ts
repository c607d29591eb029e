import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../lib/code/host.ts'
import { parse, type SyntaxNode, walk } from '../lib/code/syntax.ts'

/**
 * What each room may import besides itself: rooms, and packages by prefix. Types of `activities/` are open to
 * workflows.
 */
const rooms: Record<string, { rooms: string[]; packages: string[] }> = {
  'lib/formats': { rooms: [], packages: ['zod'] },
  'lib/definition': { rooms: ['lib/formats'], packages: ['zod', 'danfojs-node'] },
  'lib/stats': { rooms: ['lib/formats'], packages: ['zod'] },
  'lib/store': {
    rooms: ['lib/formats', 'lib/stats'],
    packages: ['node:', 'zod', 'fflate', '@aws-sdk/client-s3', '@aws-sdk/lib-storage'],
  },
  'lib/sagemaker': { rooms: ['lib/formats', 'lib/store'], packages: ['node:', 'zod', '@aws-sdk/'] },
  'lib/sources': {
    rooms: ['lib/formats', 'lib/store'],
    packages: [
      'node:',
      'zod',
      'protobufjs',
      '@aws-sdk/client-s3',
      'tinyglobby',
      'hyparquet',
      'picomatch',
      'yaml',
      'pg',
      '@duckdb/node-bindings',
      'fastest-levenshtein',
    ],
  },
  'lib/code': {
    rooms: ['lib/formats', 'lib/definition', 'lib/store'],
    packages: ['node:', 'zod', 'esbuild', 'oxc-parser', 'fastest-levenshtein', 'onnxruntime-node'],
  },
  'lib/data': {
    rooms: ['lib/formats', 'lib/definition', 'lib/stats', 'lib/store'],
    packages: ['node:', 'zod', 'fzstd', '@duckdb/node-api'],
  },
  'lib/proposal': {
    rooms: ['lib/formats', 'lib/definition', 'lib/code', 'lib/data'],
    packages: ['@duckdb/node-api'],
  },
  'lib/compiler': { rooms: ['lib/formats'], packages: ['zod', 'protobufjs', 'wabt'] },
  'lib/explain': { rooms: ['lib/formats', 'lib/stats', 'lib/compiler'], packages: [] },
  'lib/models': {
    rooms: [
      'lib/formats',
      'lib/definition',
      'lib/stats',
      'lib/store',
      'lib/sagemaker',
      'lib/code',
      'lib/compiler',
      'lib/explain',
    ],
    packages: ['node:', 'zod', 'onnxruntime-node'],
  },
  'lib/learners': {
    rooms: ['lib/formats', 'lib/stats', 'lib/code', 'lib/data'],
    packages: ['node:', 'zod', '@duckdb/node-api', 'onnxruntime-node'],
  },
  'lib/jobs': {
    rooms: [
      'lib/formats',
      'lib/definition',
      'lib/stats',
      'lib/store',
      'lib/sources',
      'lib/code',
      'lib/data',
      'lib/compiler',
      'lib/explain',
      'lib/models',
      'lib/learners',
      'lib/sagemaker',
    ],
    packages: ['node:', 'zod', '@duckdb/node-api'],
  },
  'lib/edge': {
    rooms: ['lib/formats', 'lib/definition', 'lib/stats', 'lib/store', 'lib/code', 'lib/compiler', 'lib/models'],
    packages: ['node:', 'zod', 'esbuild', 'onnxruntime-node'],
  },
  'lib/images': {
    rooms: ['lib/formats', 'lib/store', 'lib/code', 'lib/models', 'lib/edge'],
    packages: ['node:'],
  },
  'lib/targets': {
    rooms: ['lib/formats', 'lib/stats', 'lib/store', 'lib/models', 'lib/jobs', 'lib/sagemaker'],
    packages: ['node:', '@aws-sdk/'],
  },
  'lib/extensions': { rooms: ['lib/'], packages: ['node:', 'zod', 'esbuild'] },
  'lib/tracking': {
    rooms: ['lib/formats', 'lib/store', 'lib/code', 'lib/models', 'lib/sagemaker'],
    packages: ['node:', 'yaml', 'zod', '@aws-sdk/client-s3'],
  },
  'lib/reports': { rooms: ['lib/formats', 'lib/stats'], packages: [] },
  gateway: {
    rooms: ['lib/formats', 'lib/definition', 'lib/stats', 'lib/store', 'lib/code', 'lib/models'],
    packages: [
      'node:',
      'prom-client',
      'hyparquet',
      'hyparquet-writer',
      'fzstd',
      '@opentelemetry/',
      '@grpc/grpc-js',
      'protobufjs',
    ],
  },
  workflows: { rooms: ['lib/formats', 'lib/stats'], packages: ['@temporalio/workflow', '@temporalio/common'] },
  activities: {
    rooms: ['lib/', 'workflows'],
    packages: ['node:', 'zod', '@temporalio/activity', '@temporalio/client', '@temporalio/common'],
  },
  workers: {
    rooms: ['lib/', 'gateway', 'workflows', 'activities'],
    packages: ['node:', 'zod', '@temporalio/', 'get-port'],
  },
  client: { rooms: ['lib/', 'workflows', 'workers'], packages: ['node:', '@temporalio/client', '@temporalio/common'] },
  // Its front end (`console/app/`) is bundled apart, and is of types of all that it shows.
  console: {
    rooms: ['lib/', 'workflows', 'workers', 'client'],
    packages: ['node:', '@temporalio/client', '@temporalio/common', 'preact'],
  },
  cli: {
    rooms: ['lib/', 'workflows', 'workers', 'client'],
    packages: ['node:', 'commander', 'picocolors', 'yaml'],
  },
  testing: { rooms: ['lib/', 'workers'], packages: ['node:', '@aws-sdk/client-s3'] },
  pipelines: { rooms: [], packages: ['zod', 'slipway'] },
}
/** Rooms above of which a room may know the types: they cost nothing when it runs. */
const openToTypes: Readonly<Record<string, readonly string[]>> = {
  workflows: ['activities'],
  'lib/extensions': ['gateway'],
}
/** Of `workflows/`, those outside see the messages and the search attributes only. */
const openWorkflowFiles = ['workflows/messages.ts', 'workflows/owner-messages.ts', 'workflows/attributes.ts']

interface Import {
  readonly from: string
  readonly typeOnly: boolean
}

function importsOf(file: string): Import[] {
  const found: Import[] = []
  walk(parse(file, readFileSync(file, 'utf8')), (node) => {
    const source = node.source as SyntaxNode | null | undefined
    if (source?.type !== 'Literal') return
    const isType = node.importKind === 'type' || node.exportKind === 'type'
    found.push({ from: String(source.value), typeOnly: isType })
  })
  return found
}

function filesOf(room: string): string[] {
  return readdirSync(join(packageRoot, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(packageRoot, room, file))
}

/** `lib/stats/gates.ts` → `lib/stats`, `cli/main.ts` → `cli`. */
const roomOf = (file: string): string => /^(?:lib\/)?[^/]+/.exec(file)?.[0] ?? file

function violations(room: string): string[] {
  const allowed = rooms[room] as (typeof rooms)[string]
  return filesOf(room).flatMap((file) => {
    const name = relative(packageRoot, file)
    return importsOf(file).flatMap(({ from, typeOnly }) => {
      if (!from.startsWith('.')) {
        return allowed.packages.some(
          (prefix) =>
            from === prefix || from.startsWith(prefix.endsWith(':') || prefix.endsWith('/') ? prefix : `${prefix}/`),
        )
          ? []
          : [`${name} imports the package ${from}, which ${room}/ may not`]
      }
      const target = relative(packageRoot, resolve(dirname(file), from))
      const targetRoom = roomOf(target)
      if (targetRoom === room) return []
      if (typeOnly && openToTypes[room]?.includes(targetRoom)) return []
      if (targetRoom === 'workflows' && !openWorkflowFiles.includes(target))
        return [`${name} imports ${target}; only ${openWorkflowFiles.join(' and ')} are open`]
      return allowed.rooms.some((open) => open === targetRoom || (open === 'lib/' && targetRoom.startsWith(open)))
        ? []
        : [`${name} imports ${target}: ${room}/ may not import ${targetRoom}/`]
    })
  })
}

/** Of `lib/store/`, what is told no store: commands name, sign and pack what they write by it. */
const knowNoStore = ['digest', 'is-alive', 'signing', 'tar'].map((name) => `lib/store/${name}.ts`)
/** The story plays those who look on while a model lives, and changes nothing that a user's program would. */
const story = ['cli/story.ts', 'cli/story-summary.ts', 'cli/commands/start.ts']

/** What a command reads or starts past `client/`: values of the store and of Temporal. */
const pastClient = (file: string): string[] =>
  importsOf(join(packageRoot, file)).flatMap(({ from, typeOnly }) => {
    const target = from.startsWith('.') ? relative(packageRoot, resolve(packageRoot, dirname(file), from)) : from
    const isPast = /^(?:lib\/store\/|@temporalio\/)/.test(target) && !knowNoStore.includes(target)
    return isPast && !typeOnly ? [`${file} imports ${target}: read and start it in client/`] : []
  })

describe('commands go by client/', () => {
  const files = filesOf('cli').map((file) => relative(packageRoot, file))

  it('which alone imports what reads and writes the store, and Temporal, but for the story', () => {
    expect(files.filter((file) => !story.includes(file)).flatMap(pastClient)).toEqual([])
  })

  it('and the story is really told past it', () => {
    for (const file of story) expect(pastClient(file), file).not.toEqual([])
  })
})

describe('imports point down only', () => {
  for (const room of Object.keys(rooms)) {
    it(`in ${room}/`, () => {
      expect(violations(room)).toEqual([])
    })
  }

  it('and imports are really seen, of types and at run time too', () => {
    const seen = [
      ...importsOf(join(packageRoot, 'cli/command-line.ts')),
      ...importsOf(join(packageRoot, 'cli/usage/runs.ts')),
      ...importsOf(join(packageRoot, 'workflows/run-pipeline.ts')),
    ]
    expect(seen).toContainEqual({ from: 'commander', typeOnly: false })
    expect(seen).toContainEqual({ from: '../commands/run.ts', typeOnly: false })
    expect(seen).toContainEqual({ from: '../activities/index.ts', typeOnly: true })
  })

  it('and every room is known here', () => {
    const foldersOf = (place: string): string[] =>
      readdirSync(join(packageRoot, place), { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name)
    const others = [
      'action',
      'bench',
      'bin',
      'clients',
      'deploy',
      'dist',
      'docs',
      'examples',
      'findings',
      'lib',
      'node_modules',
      'packages',
      'scripts',
      'site',
      'test',
    ]
    expect(
      [
        ...foldersOf('.').filter((name) => !others.includes(name)),
        ...foldersOf('lib').map((name) => `lib/${name}`),
      ].sort(),
    ).toEqual(Object.keys(rooms).sort())
  })
})

/** All files of the product, and how many lines each of their functions has. */
const product = [...Object.keys(rooms), 'bin', 'scripts'].flatMap((room) => filesOf(room))
const linesOf = (text: string): number => text.split('\n').length - 1

describe('rooms are small', () => {
  it('no file has more than 300 lines, and half of them at most 100', () => {
    const sizes = product.map((file) => [linesOf(readFileSync(file, 'utf8')), relative(packageRoot, file)] as const)
    expect(sizes.filter(([lines]) => lines > 300)).toEqual([])
    const sorted = sizes.map(([lines]) => lines).sort((a, b) => a - b)
    expect(sorted[sorted.length >> 1]).toBeLessThanOrEqual(100)
  })

  it('no argument list is longer than five', () => {
    const long: string[] = []
    // Kernels are AssemblyScript, and their callers WebAssembly's: numbers are all they can be given.
    for (const file of product.filter((each) => !each.includes('/kernels/'))) {
      walk(parse(file, readFileSync(file, 'utf8')), (node) => {
        if (!/Function/.test(node.type) || !node.body) return
        const { length } = node.params as readonly unknown[]
        if (length > 5) long.push(`${relative(packageRoot, file)}: ${length}`)
      })
    }
    expect(long).toEqual([])
  })

  it('no function has more than 100 lines', () => {
    const long: string[] = []
    for (const file of product) {
      const text = readFileSync(file, 'utf8')
      walk(parse(file, text), (node) => {
        if (!/Function/.test(node.type) || !node.body) return
        const lines = linesOf(text.slice(node.start, node.end)) + 1
        if (lines > 100) long.push(`${relative(packageRoot, file)}: ${lines}`)
      })
    }
    expect(long).toEqual([])
  })
})
