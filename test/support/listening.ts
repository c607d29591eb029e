import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What a process waits at for others to connect. */
export interface Listening {
  readonly pid: number
  /** Of TCP: an IP address, and a port. */
  readonly address: string
  readonly port: number
}

/** The TCP ports that processes listen on, as the kernel knows them. */
export function portsOf(pids: readonly number[]): Listening[] {
  const listening = new Map<string, { address: string; port: number }>()
  for (const file of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/net/${file}`, 'utf8').trim().split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      const [address = '', port = ''] = local.split(':')
      if (state === '0A') listening.set(inode, { address: addressOf(address), port: Number.parseInt(port, 16) })
    }
  }
  return pids.flatMap((pid) =>
    socketsOf(pid).flatMap((inode) => {
      const found = listening.get(inode)
      return found === undefined ? [] : [{ pid, ...found }]
    }),
  )
}

/** The files at which processes listen (Unix sockets), relative to where each works. */
export function socketFilesOf(pids: readonly number[]): { readonly pid: number; readonly file: string }[] {
  const listening = new Map<string, string>()
  for (const line of readFileSync('/proc/net/unix', 'utf8').trim().split('\n').slice(1)) {
    const [, , , flags, , , inode = '', file] = line.trim().split(/\s+/)
    // __SO_ACCEPTCON: somebody listens.
    if (flags === '00010000') listening.set(inode, file ?? '')
  }
  return pids.flatMap((pid) =>
    socketsOf(pid).flatMap((inode) => {
      const file = listening.get(inode)
      return file === undefined ? [] : [{ pid, file }]
    }),
  )
}

/** The inodes of a process' sockets. */
function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.slice(1) ?? []
    } catch {
      // Closed meanwhile.
      return []
    }
  })
}

/** Hexadecimal words in the byte order of this machine, which is little-endian wherever we run. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex').reverse()])
  if (bytes.length === 4) return bytes.join('.')
  return Buffer.from(bytes).toString('hex').match(/.{4}/g)?.join(':') ?? ''
}
