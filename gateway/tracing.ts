import { context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

/** A request's span. */
export interface RequestSpan {
  /** What goes back to the client: the caller's trace, our span. */
  readonly traceparent: string
  set(attributes: Readonly<Record<string, string | number>>): void
  end(status: number): void
}

export interface Tracer {
  begin(traceparent: string | undefined, name: string): RequestSpan
  close(): Promise<void>
}

/**
 * Traces to an OTLP endpoint, where one is configured by OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT,
 * …); loaded then only.
 */
export async function createTracer(env = process.env): Promise<Tracer | undefined> {
  if (env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined && env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT === undefined)
    return undefined
  const {
    BasicTracerProvider,
    BatchSpanProcessor,
    OTLPTraceExporter,
    resourceFromAttributes,
    W3CTraceContextPropagator,
  } = await import('./opentelemetry.ts')
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': env.OTEL_SERVICE_NAME ?? 'slipway-gateway' }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  })
  const tracer = provider.getTracer('slipway')
  const propagator = new W3CTraceContextPropagator()
  const getter = { keys: Object.keys, get: (carrier: Record<string, string>, key: string) => carrier[key] }
  return {
    begin(traceparent, name) {
      const parent =
        traceparent === undefined
          ? context.active()
          : propagator.extract(context.active(), { traceparent }, getter as never)
      return requestSpan(tracer.startSpan(name, { kind: SpanKind.SERVER }, parent))
    },
    close: () => provider.shutdown(),
  }
}

function requestSpan(span: Span): RequestSpan {
  const { traceId, spanId, traceFlags } = trace.wrapSpanContext(span.spanContext()).spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-0${traceFlags & 1}`,
    set: (attributes) => void span.setAttributes(attributes),
    end(status) {
      span.setAttribute('http.response.status_code', status)
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}
