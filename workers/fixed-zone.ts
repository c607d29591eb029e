/**
 * Makes zone and locale the same wherever a process of ours runs, for itself and for what it starts; called first.
 * User code cannot ask for them, but a text of a time without a zone is read by them.
 */
export function fixZone(): void {
  process.env.TZ = 'UTC'
  process.env.LC_ALL = 'C.UTF-8'
}
