import { spawn } from 'node:child_process'
import { join } from 'node:path'
import getPort from 'get-port'
import { packageRoot } from '../lib/code/host.ts'
import { pythonEnvironment } from '../test/support/python.ts'

/** Another server of the same model, as a process of its own. */
export interface Peer {
  readonly name: string
  readonly port: number
  readonly pid: number
  /** How many times as many requests a second we are to answer. */
  readonly times: number
  stop(): void
}

const folder = join(packageRoot, 'bench/peers')

/** MLServer alone, with a port for gRPC. */
export async function startMlServer(onnxFile: string): Promise<Peer & { readonly grpcPort: number }> {
  const bin = await pythonEnvironment(join(folder, 'mlserver-requirements.txt'))
  const [port, grpcPort] = [await getPort(), await getPort()]
  return { ...(await mlServerAt(bin, onnxFile, port, grpcPort)), grpcPort }
}

const mlServerAt = (bin: string, onnxFile: string, port: number, grpcPort: number): Promise<Peer> =>
  start('MLServer', 15, port, join(bin, 'mlserver'), ['start', join(folder, 'mlserver')], {
    MLSERVER_MODEL_URI: onnxFile,
    MLSERVER_HTTP_PORT: String(port),
    MLSERVER_GRPC_PORT: String(grpcPort),
  })

/** Installs (once) and starts FastAPI with onnxruntime, and MLServer with a runtime around onnxruntime. */
export async function startPeers(onnxFile: string): Promise<Peer[]> {
  const [fastApi, mlServer] = [
    await pythonEnvironment(join(folder, 'fastapi-requirements.txt')),
    await pythonEnvironment(join(folder, 'mlserver-requirements.txt')),
  ]
  const ports = [await getPort(), await getPort(), await getPort()] as const
  return Promise.all([
    start('FastAPI + onnxruntime', 5, ports[0], join(fastApi, 'python'), [
      join(folder, 'fastapi_server.py'),
      ...['--model', onnxFile, '--port', String(ports[0])],
    ]),
    mlServerAt(mlServer, onnxFile, ports[1], ports[2]),
  ])
}

async function start(
  name: string,
  times: number,
  port: number,
  path: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Peer> {
  const child = spawn(path, args, {
    env: { ...process.env, PYTHONPATH: join(folder, 'mlserver'), ...env },
    stdio: 'ignore',
  })
  for (let i = 0; i < 600; i++) {
    const ready = await fetch(`http://127.0.0.1:${port}/v2/health/ready`).catch(() => undefined)
    if (ready?.ok === true) return { name, times, port, pid: child.pid ?? 0, stop: () => void child.kill('SIGKILL') }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  child.kill('SIGKILL')
  throw new Error(`${name} does not start`)
}
