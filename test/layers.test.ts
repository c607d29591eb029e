import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../code/host.ts'
import { parse, type SyntaxNode, walk } from '../code/syntax.ts'

/** What each room may import besides itself: rooms, and packages by prefix. Types of `activities/` are open to workflows. */
const rooms: Record<string, { rooms: string[]; packages: string[] }> = {
  pipelines: { rooms: [], packages: ['zod', 'danfojs-node', 'slipway'] },
  stats: { rooms: ['pipelines'], packages: ['zod'] },
  store: {
    rooms: ['pipelines'],
    packages: ['node:', 'zod', '@aws-sdk/client-s3', '@aws-sdk/lib-storage', 'tinyglobby', 'hyparquet', 'picomatch'],
  },
  code: {
    rooms: ['pipelines', 'store'],
    packages: ['node:', 'zod', 'esbuild', 'oxc-parser', 'fastest-levenshtein'],
  },
  data: { rooms: ['pipelines', 'stats', 'store'], packages: ['node:', 'zod', 'fzstd', '@duckdb/node-api'] },
  trainers: { rooms: ['pipelines', 'stats', 'code', 'data'], packages: ['node:', 'zod', '@duckdb/node-api'] },
  kernels: { rooms: ['pipelines'], packages: ['zod', 'protobufjs', 'wabt'] },
  models: {
    rooms: ['pipelines', 'stats', 'store', 'code', 'data', 'kernels'],
    packages: ['node:', 'zod', 'onnxruntime-node'],
  },
  reports: { rooms: ['pipelines', 'stats'], packages: [] },
  gateway: {
    rooms: ['pipelines', 'stats', 'store', 'code', 'models'],
    packages: ['node:', 'prom-client', 'hyparquet-writer', '@opentelemetry/'],
  },
  workflows: { rooms: ['pipelines', 'stats'], packages: ['@temporalio/workflow', '@temporalio/common'] },
  activities: {
    rooms: ['pipelines', 'stats', 'store', 'code', 'data', 'trainers', 'models', 'reports', 'workflows'],
    packages: ['node:', 'zod', '@temporalio/activity', '@temporalio/client', '@temporalio/common'],
  },
  workers: {
    rooms: ['pipelines', 'stats', 'store', 'code', 'data', 'trainers', 'models', 'gateway', 'workflows', 'activities'],
    packages: ['node:', 'zod', '@temporalio/', 'get-port'],
  },
  cli: {
    rooms: ['pipelines', 'stats', 'store', 'code', 'data', 'models', 'reports', 'workflows', 'workers'],
    packages: ['node:', 'commander', 'picocolors', '@temporalio/client', '@temporalio/common'],
  },
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
      const targetRoom = target.split('/')[0] as string
      if (targetRoom === room) return []
      if (room === 'workflows' && targetRoom === 'activities' && typeOnly) return []
      if (targetRoom === 'workflows' && !openWorkflowFiles.includes(target))
        return [`${name} imports ${target}; only ${openWorkflowFiles.join(' and ')} are open`]
      return allowed.rooms.includes(targetRoom)
        ? []
        : [`${name} imports ${target}: ${room}/ may not import ${targetRoom}/`]
    })
  })
}

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
    const folders = readdirSync(packageRoot, { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
    )
    const others = ['bench', 'bin', 'deploy', 'dist', 'docs', 'findings', 'node_modules', 'scripts', 'test']
    expect(
      folders
        .map(({ name }) => name)
        .filter((name) => !others.includes(name))
        .sort(),
    ).toEqual(Object.keys(rooms).sort())
  })
})
