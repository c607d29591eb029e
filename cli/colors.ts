import pico from 'picocolors'

/**
 * Colours for people at a terminal only. Whoever reads our output through a pipe, CI included, gets plain text;
 * `NO_COLOR` turns them off for good.
 */
export const colors = pico.createColors(
  process.stdout.isTTY === true && process.stderr.isTTY === true && process.env.NO_COLOR === undefined,
)
