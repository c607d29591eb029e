export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly message: string
}

/** Log groups with their streams. */
export class LogBook {
  private readonly groups = new Map<string, Map<string, LogEvent[]>>()

  /** CloudWatch keeps no empty events. */
  write(group: string, stream: string, message: string): void {
    if (message === '') return
    const streams = this.groups.get(group) ?? new Map<string, LogEvent[]>()
    this.groups.set(group, streams)
    const events = streams.get(stream) ?? []
    streams.set(stream, events)
    events.push({ timestamp: Date.now(), message })
  }

  streams(group: string): ReadonlyMap<string, readonly LogEvent[]> | undefined {
    return this.groups.get(group)
  }
}
