import { status as code, type Server } from '@grpc/grpc-js'
import protobuf, { type Message } from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor.js'
import { reflectionProto } from './protos.ts'
import { type Bidi, messagesOf, register } from './services.ts'
import { callStatusOf } from './status.ts'

/** Fields of descriptor.proto that are read here. */
interface File {
  readonly name: string
  dependency?: string[]
  readonly package: string
  readonly messageType?: readonly Described[]
  readonly enumType?: readonly { readonly name: string }[]
  readonly service?: readonly { readonly name: string; readonly method: readonly { readonly name: string }[] }[]
}
interface Described {
  name: string
  readonly field?: { name: string; type: string | number; typeName?: string }[]
  readonly nestedType?: Described[]
  readonly enumType?: readonly { readonly name: string }[]
  readonly options?: { readonly mapEntry?: boolean }
}

interface Request {
  readonly file_by_filename?: string
  readonly file_containing_symbol?: string
  readonly list_services?: string
}

/**
 * gRPC's server reflection, by which grpcurl and others know what can be asked.
 * @param roots with the messages of the services, a file each
 */
export function serveReflection(server: Server, roots: readonly protobuf.Root[]): void {
  const versions = (['v1', 'v1alpha'] as const).map((version) => {
    const namespace = `grpc.reflection.${version}`
    return { namespace, messages: messagesOf(reflectionProto(version), namespace) }
  })
  const files = [...roots, ...versions.map(({ messages }) => messages.root)].flatMap(filesOf)
  const services = files.flatMap(({ services: names }) => names)
  const answer = (request: Request): object => {
    if (Object.hasOwn(request, 'list_services'))
      return { list_services_response: { service: services.map((name) => ({ name })) } }
    // Fields of a oneof that are not set are zero, and not the request's own.
    const own = (field: keyof Request): string | undefined =>
      Object.hasOwn(request, field) ? request[field] : undefined
    const [name, symbol] = [own('file_by_filename'), own('file_containing_symbol')]
    const found = files.find((file) => (symbol === undefined ? file.name === name : file.symbols.has(symbol)))
    if (found !== undefined) return { file_descriptor_response: { file_descriptor_proto: [found.bytes] } }
    return { error_response: { error_code: code.NOT_FOUND, error_message: `there is no ${symbol ?? name ?? 'such'}` } }
  }
  for (const { namespace, messages } of versions) {
    const info: Bidi = (call) => {
      let isOver = false
      call.on('data', (message: Buffer) => {
        // What is written behind an error would destroy the stream before it is told.
        if (isOver) return
        try {
          const request = messages.decode<Request & { host: string }>('ServerReflectionRequest', message)
          const said = { valid_host: request.host, original_request: request, ...answer(request) }
          call.write(messages.encode('ServerReflectionResponse', said))
        } catch (error) {
          isOver = true
          call.emit('error', callStatusOf(error))
        }
      })
      call.on('end', () => call.end())
    }
    register(server, `${namespace}.ServerReflection`, { ServerReflectionInfo: { bidi: info } })
  }
}

function filesOf(root: protobuf.Root) {
  root.resolveAll()
  const set = (root as protobuf.Root & { toDescriptor(edition: string): Message }).toDescriptor('proto3')
  const { file: files } = set as unknown as { file: File[] }
  return files.map((file) => {
    for (const message of file.messageType ?? []) nameMaps(message)
    const used = packagesUsed(root.lookup(file.package) as protobuf.Namespace)
    file.dependency = files.filter((each) => each !== file && used.has(each.package)).map(({ name }) => name)
    return {
      name: file.name,
      services: (file.service ?? []).map(({ name }) => `${file.package}.${name}`),
      symbols: symbolsOf(file),
      bytes: descriptor.FileDescriptorProto.encode(file as never).finish(),
    }
  })
}

/** The packages whose messages a package holds: protobufjs does not say which files one needs. */
function packagesUsed(namespace: protobuf.NamespaceBase): ReadonlySet<string> {
  const used = new Set<string>()
  const visit = (type: protobuf.Type): void => {
    for (const { resolvedType } of type.fieldsArray) {
      let at: protobuf.ReflectionObject | null = resolvedType
      while (at instanceof protobuf.Type || at instanceof protobuf.Enum) at = at.parent
      if (at !== null) used.add(at.fullName.slice(1))
    }
    for (const nested of type.nestedArray) if (nested instanceof protobuf.Type) visit(nested)
  }
  for (const nested of namespace.nestedArray) if (nested instanceof protobuf.Type) visit(nested)
  return used
}

/** protobufjs calls the entries of a map as its field, where others insist on `FieldEntry` (descriptor.proto). */
function nameMaps({ field = [], nestedType = [] }: Described): void {
  for (const entry of nestedType) {
    nameMaps(entry)
    if (entry.options?.mapEntry !== true) continue
    const name = `${entry.name}Entry`
    for (const each of field) if (each.typeName === entry.name) each.typeName = name
    entry.name = name
  }
}

/** Full names of what a file has. */
function symbolsOf(file: File): ReadonlySet<string> {
  const symbols = new Set<string>()
  const add = (within: string, { name, nestedType = [], enumType = [] }: Described): void => {
    symbols.add(`${within}.${name}`)
    for (const each of nestedType) add(`${within}.${name}`, each)
    for (const each of enumType) symbols.add(`${within}.${name}.${each.name}`)
  }
  for (const message of file.messageType ?? []) add(file.package, message)
  for (const { name } of file.enumType ?? []) symbols.add(`${file.package}.${name}`)
  for (const { name, method } of file.service ?? []) {
    symbols.add(`${file.package}.${name}`)
    for (const each of method) symbols.add(`${file.package}.${name}.${each.name}`)
  }
  return symbols
}
