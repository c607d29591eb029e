import { nearest as nearestOf } from '../code/nearest.ts'

/** The name most like another one, whatever the case of its letters and what stands between its words. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
  return names.find((each) => plain(each) === plain(name)) ?? nearestOf(name, names)
}
