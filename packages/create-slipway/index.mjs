#!/usr/bin/env node
// npm create slipway@latest my-models: a folder, Slipway in it, and `slipway init` there. All that a project is made of
// comes from Slipway itself; this only takes it so far that it can be asked.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'

/** Of this package, and of the Slipway that it installs: they are released together. */
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

const help = `npm create slipway@latest <folder> -- [options]

  --from <file>       the table to learn from: CSV, parquet or JSON
  --target <column>   the column to predict
  --template <kind>   tabular (default), python, onnx or batch
  --model <file>      the finished model of --template onnx
  --name <pipeline>   its name; that of the target by default
  --yes               ask nothing
  --slipway <spec>    another version of Slipway, or a tarball of it: 0.17.0, ../slipway-0.17.0.tgz

Example: npm create slipway@latest my-models -- --from customers.csv --target churned`

/** Something that whoever called us can set right. */
class Mistake extends Error {
  constructor(message, next) {
    super(message)
    this.next = next
  }
}

/** Options whose value is a path, which starts where the user is and not in the new folder. */
const paths = ['--from', '--model']

/** The folder, what is asked of `slipway init`, and which Slipway. */
function read(args) {
  const passed = []
  let folder
  let slipway = `^${version}`
  const known = ['--from', '--target', '--template', '--model', '--name', '--slipway']
  for (let i = 0; i < args.length; i++) {
    const [, option = args[i], given] = /^(--[a-z]+)=(.*)$/s.exec(args[i]) ?? []
    if (!option.startsWith('-')) {
      if (folder !== undefined) throw new Mistake(`two folders are named: ${folder} and ${option}`, 'name one')
      folder = option
    } else if (known.includes(option)) {
      const value = given ?? args[++i]
      if (value === undefined || value === '') throw new Mistake(`${option} has no value`, '--help')
      const isFile = option === '--slipway' && /\.tgz$|^[./]/.test(value)
      if (option === '--slipway') slipway = isFile ? `file:${resolve(value)}` : value
      else passed.push(option, paths.includes(option) && !value.includes('://') ? resolve(value) : value)
    } else if (option === '--yes' || option === '-y') passed.push('--yes')
    else throw new Mistake(`${option} is no option`, '--help')
  }
  if (folder === undefined)
    throw new Mistake('the folder is missing', 'npm create slipway@latest my-models -- --from rows.csv')
  for (const [i, option] of passed.entries()) if (paths.includes(option)) requireFile(option, passed[i + 1])
  return { folder, passed, slipway }
}

/** Said before anything is fetched. */
function requireFile(option, path) {
  if (path.includes('://') || statSync(path, { throwIfNoEntry: false })?.isFile() === true) return
  throw new Mistake(`${option} ${path}: there is no such file`, 'check the path; it starts at the folder you are in')
}

/** What an empty folder may hold. */
const nothing = ['.git', '.DS_Store']

/** @returns whether the folder is new */
function requireEmpty(folder, root) {
  const name = basename(root)
  if (!/^[a-z0-9][a-z0-9._-]{0,100}$/.test(name)) {
    const plain = name
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, '-')
      .replaceAll(/^[^a-z0-9]+|-+$/g, '')
    throw new Mistake(
      `${JSON.stringify(name)} is no name for a package: lower-case letters, digits, and . _ - between them`,
      `for example ${plain === '' ? 'my-models' : plain}`,
    )
  }
  const info = statSync(root, { throwIfNoEntry: false })
  if (info === undefined) return true
  if (!info.isDirectory()) throw new Mistake(`${folder} is a file`, 'name a folder that is not there yet')
  if (existsSync(join(root, 'package.json')))
    throw new Mistake(`${folder} is a project already`, `cd ${folder} && npm install slipway && npx slipway init`)
  const found = readdirSync(root).filter((file) => !nothing.includes(file))
  if (found.length === 0) return false
  throw new Mistake(`${folder} is not empty: ${found.slice(0, 3).join(', ')}`, 'name a folder that is not there yet')
}

/** npm, or whichever called us. */
const managers = ['pnpm', 'yarn']
const manager = managers.find((name) => process.env.npm_config_user_agent?.startsWith(`${name}/`)) ?? 'npm'
const installing = manager === 'npm' ? ['install', '--no-audit', '--no-fund'] : ['install']

/** Runs a program to its end. @returns its exit code */
function run(program, args, root, env = {}) {
  return new Promise((done) => {
    const shell = process.platform === 'win32'
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', shell, env: { ...process.env, ...env } })
    child.once('error', () => done(127))
    child.once('close', (code) => done(code ?? 1))
  })
}

async function create(args) {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help)
    return 0
  }
  const { folder, passed, slipway } = read(args)
  const root = resolve(folder)
  const isNew = requireEmpty(folder, root)
  // The first folder that was not there: what is made is taken back with it.
  let first = root
  while (!existsSync(dirname(first))) first = dirname(first)
  const takeBack = () => {
    if (isNew) rmSync(first, { recursive: true, force: true })
    else
      for (const file of readdirSync(root))
        if (!nothing.includes(file)) rmSync(join(root, file), { recursive: true, force: true })
  }
  // Ctrl-C ends what runs below us; then we take back what was made.
  process.on('SIGINT', () => {})
  mkdirSync(root, { recursive: true })
  try {
    const manifest = { name: basename(root), private: true, type: 'module', dependencies: { slipway } }
    writeFileSync(join(root, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    console.error(`${[manager, ...installing].join(' ')} …`)
    if ((await run(manager, installing, root)) !== 0)
      throw new Mistake(
        `Slipway could not be installed by ${manager}; nothing is left of ${folder}`,
        'see what it said above; with the network there, the same command again',
      )
    const command = join(root, 'node_modules/slipway/bin/slipway.mjs')
    const env = { SLIPWAY_CREATED: relative('', root), SLIPWAY_ROOT: root }
    const code = await run(process.execPath, [command, 'init', ...passed], root, env)
    if (code !== 0) takeBack()
    return code
  } catch (error) {
    takeBack()
    throw error
  }
}

try {
  process.exitCode = await create(process.argv.slice(2))
} catch (error) {
  const isMistake = error instanceof Mistake
  console.error(`error: ${error.message}${isMistake ? `\n  next: ${error.next}` : ''}`)
  process.exitCode = isMistake ? 2 : 1
}
