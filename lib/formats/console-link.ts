/**
 * The details of a workflow that lead from Temporal's web UI to its page of the console.
 * @param console the console's address; undefined where nobody knows it
 * @param path the page, `/runs/flights-20261122-034512-k3x9`
 */
export const inConsole = (console: string | undefined, path: string): { readonly staticDetails?: string } =>
  console === undefined ? {} : { staticDetails: `[Look at it in the console](${console}${path})` }
