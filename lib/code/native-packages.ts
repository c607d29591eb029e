import packages from './native-packages.json' with { type: 'json' }

/** Packages that come with the binaries of all systems, of which Slipway's users get those of theirs alone. */
export type PackageOfBinaries = keyof typeof packages

/**
 * By the package whose JavaScript is inside Slipway: what Slipway's own packages are called, a system each
 * (`slipway-onnxruntime-linux-x64`), the file to load, and where the package has each system's files.
 */
export const nativePackages: typeof packages = packages

/** What the package with the binaries of a system is called. @param system as Node says: `linux-x64` */
export const packageFor = (of: PackageOfBinaries, system: string): string => `${nativePackages[of].name}-${system}`
