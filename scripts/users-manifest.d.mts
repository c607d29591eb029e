type Manifest = Readonly<Record<string, unknown>>
interface Native {
  readonly name: string
  readonly version: string
  readonly main: string
  readonly folders: Readonly<Record<string, string>>
}
type Versions = Readonly<Record<string, string>>

/** The dependencies of the package that is published. @param bundled versions of what is inside dist/ */
export function forUsers(manifest: Manifest, natives: Readonly<Record<string, Native>>, bundled: Versions): Manifest
/** The package with the binaries of one system. @param integrity of the tarball that the files are from */
export function nativeManifest(of: string, native: Native, system: string, integrity: string): Manifest
/** Which packages sources of maps lie in, by folder. */
export function packageFolders(sources: readonly string[]): string[]
/** The licences of packages inside another one. */
export function notices(
  packages: readonly { name: string; version: string; license: string; text?: string | undefined }[],
): string
