import { classesIn } from '../../formats/answers.ts'
import { type EdgeFolder, type EdgeManifest, edgeFiles } from '../manifest.ts'
import { parseJson } from './bytes.ts'
import { keptUpdate, shippedModel } from './kept.ts'
import { placeOf } from './places.ts'
import type * as api from './slipway-edge.d.ts'
import { updater } from './update.ts'
import { watcher } from './watch.ts'

export const load: typeof api.load = async (folder = new URL('.', import.meta.url)) => {
  const place = placeOf(folder)
  const edge = parseJson(await place.shipped(edgeFiles.folder), edgeFiles.folder) as EdgeFolder
  const { kept, refused } = await keptUpdate(place, edge)
  let inForce = kept ?? (await shippedModel(place, edge))
  const manifest = (): EdgeManifest => inForce.opened.manifest
  const update = updater(place, edge, {
    current: () => inForce,
    goOver(to) {
      inForce = to
    },
  })
  const model: api.EdgeModel = {
    get name() {
      return edge.model
    },
    get version() {
      return manifest().version
    },
    get digest() {
      return manifest().package
    },
    get sequence() {
      return inForce.sequence
    },
    get engine() {
      return manifest().engine
    },
    get columns() {
      return manifest().facts.inputs
    },
    get target() {
      return manifest().facts.target
    },
    get classes() {
      return classesIn(manifest().facts)
    },
    refused,
    // Which model answers is settled when it is asked: an update in the middle of it changes nothing.
    predict: (rows) => inForce.opened.predict(rows),
    update,
    watch: watcher(update),
  }
  return model
}
