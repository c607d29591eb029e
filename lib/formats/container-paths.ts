/** Paths for the `inference_config` of an Azure ML environment; docs/container.md has it whole. */
export const azureRoutes = { liveness: '/', readiness: '/ready', scoring: '/score' } as const

/** Where containers answer unless their platform says otherwise. */
export const containerPort = 8080
