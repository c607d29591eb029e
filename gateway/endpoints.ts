import { Endpoint, type EndpointOptions } from './endpoint.ts'

/** The endpoints of a gateway by name. */
export interface Endpoints {
  get(name: string): Endpoint | undefined
  /** One that is not there yet is made, without a route. */
  getOrMake(name: string): Endpoint
  all(): Endpoint[]
  /** Those with a route. */
  serving(): Endpoint[]
}

export function createEndpoints(options: Omit<EndpointOptions, 'name'>): Endpoints {
  const endpoints = new Map<string, Endpoint>()
  return {
    get: (name) => endpoints.get(name),
    getOrMake(name) {
      const known = endpoints.get(name)
      if (known !== undefined) return known
      const made = new Endpoint({ ...options, name })
      endpoints.set(name, made)
      return made
    },
    all: () => [...endpoints.values()],
    serving: () => [...endpoints.values()].filter(({ route }) => route !== undefined),
  }
}
