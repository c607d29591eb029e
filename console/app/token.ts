/** What lets this tab write: asked for once, kept until the tab is closed. */
export const token = {
  get: (): string => sessionStorage.getItem('slipway-token') ?? '',
  set: (text: string): void => sessionStorage.setItem('slipway-token', text.trim()),
  forget: (): void => sessionStorage.removeItem('slipway-token'),
}

export interface Outcome {
  /** What was said of it; undefined where it was done. */
  readonly problem?: string
  /** The token was missing, or wrong. */
  readonly needsToken?: boolean
}

/** Asks the server to do something. */
export async function ask(path: string, body: object): Promise<Outcome> {
  try {
    const response = await fetch(`/api/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token.get()}` },
      body: JSON.stringify(body),
    })
    if (response.ok) return {}
    const { error } = (await response.json()) as { error: { message: string; next: string | null } }
    if (response.status === 401) token.forget()
    return { problem: error.message, needsToken: response.status === 401 }
  } catch (error) {
    return { problem: `The console's server does not answer: ${(error as Error).message}` }
  }
}
