// What users install, as package.json says it: pure.

/**
 * The dependencies of the package that is published. Packages with binaries of all systems give way to Slipway's own of
 * one system each, danfojs to `slipway-dataframe`, which those have who want it.
 * @param manifest that of this repository
 * @param natives lib/code/native-packages.json
 * @param bundled versions of the packages inside dist/, by name
 */
export function forUsers(manifest, natives, bundled) {
  const { dependencies, ...others } = manifest
  const kept = Object.entries(dependencies).filter(([name]) => natives[name] === undefined && name !== 'danfojs-node')
  const binaries = Object.values(natives).flatMap(({ name, version, folders }) =>
    Object.keys(folders).map((system) => [`${name}-${system}`, version]),
  )
  return {
    ...others,
    dependencies: Object.fromEntries(kept),
    optionalDependencies: Object.fromEntries(binaries.sort()),
    peerDependencies: { ...others.peerDependencies, 'slipway-dataframe': manifest.version },
    peerDependenciesMeta: { ...others.peerDependenciesMeta, 'slipway-dataframe': { optional: true } },
    bundled,
  }
}

/**
 * The package with the binaries of one system.
 * @param of the package that it is made from
 * @param native its entry of lib/code/native-packages.json
 * @param system as Node says: `linux-x64`
 * @param integrity of the tarball that the files are from
 */
export function nativeManifest(of, { name, version, main, folders }, system, integrity) {
  const [os, cpu] = system.split('-')
  return {
    name: `${name}-${system}`,
    version,
    description: `The binary of ${of} ${version} for ${system}, as Slipway installs it`,
    license: 'MIT',
    main,
    os: [os],
    cpu: [cpu],
    ...(os === 'linux' ? { libc: ['glibc'] } : {}),
    // Where the bytes are from: npm's own name of them.
    from: { package: of, version, folder: folders[system], integrity },
  }
}

/** Which packages sources of maps lie in, by folder: `node_modules/a/node_modules/@b/c`. */
export function packageFolders(sources) {
  const found = new Set()
  for (const source of sources) {
    const folder = /^(?:(?:\.\.?\/)+)?(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]
    if (folder !== undefined) found.add(folder)
  }
  return [...found].sort()
}

/**
 * The licences of packages inside another one, one after the other; those with the same text share it.
 * @param packages name, version, licence as package.json has it, and its text where the package has one
 */
export function notices(packages) {
  const byText = new Map()
  for (const { name, version, license, text } of packages) {
    const words = text?.trim().replaceAll('\r\n', '\n') ?? `Licence: ${license}`
    byText.set(words, [...(byText.get(words) ?? []), `${name} ${version} (${license})`])
  }
  const parts = [...byText].map(([words, names]) => `${names.join('\n')}\n\n${words}\n`)
  return ['This package contains the packages below, under their licences.\n', ...parts].join(`\n${'-'.repeat(80)}\n\n`)
}
